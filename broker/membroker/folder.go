package membroker

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
)

// format is the version of the folder's layout. A folder of a later one is
// refused.
const format = 1

// storage is the version of the storage library's own layout. It is the first
// whose journal tells a break in its middle from a torn end: by default all
// after a break is lost without a word (TestBrokenJournalIsRefused).
const storage = pebble.FormatWALSyncChunks

// What stands in a data folder beside logs/, which is the storage library's.
const (
	formatFile = "FORMAT" // the version
	openFile   = "OPEN"   // there while a process has the folder open; found at open, that one was killed
)

const elsewhere = "choose another folder with --data"

// openStore opens a data folder, and says what to do when it cannot.
func openStore(dir string, log *slog.Logger) (*store, error) {
	logs := filepath.Join(dir, "logs")
	if err := os.MkdirAll(logs, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w (%s)", err, elsewhere)
	}
	lock, err := pebble.LockDirectory(logs, vfs.Default)
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			return nil, notWritable(err)
		}
		return nil, fmt.Errorf("the data folder %s is in use by another karez: stop that one, or %s", dir, elsewhere)
	}
	s, err := openLocked(dir, lock, log)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return s, nil
}

func notWritable(err error) error {
	return fmt.Errorf("write to the data folder: %w (give karez the right to write there, or %s)", err, elsewhere)
}

// openLocked opens a folder that is ours.
func openLocked(dir string, lock *pebble.Lock, log *slog.Logger) (*store, error) {
	if err := checkFormat(dir); err != nil {
		return nil, err
	}
	logs := filepath.Join(dir, "logs")
	if _, err := os.Stat(filepath.Join(dir, openFile)); err == nil {
		sayKilled(dir, logs, log)
	}
	l := &listener{log: log}
	db, err := pebble.Open(logs, &pebble.Options{Logger: l, EventListener: l.events(), Lock: lock, FormatMajorVersion: storage})
	if err != nil {
		return nil, fmt.Errorf("open the data folder %s: %w (restore it from a copy, or %s)", dir, err, elsewhere)
	}
	s := &store{db: db, dir: dir, lock: lock}
	if err := writeFile(dir, openFile, ""); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// checkFormat reads the folder's version, or writes ours into a new one.
func checkFormat(dir string) error {
	name := filepath.Join(dir, formatFile)
	p, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return writeFile(dir, formatFile, fmt.Sprintln(format))
	}
	if err != nil {
		return fmt.Errorf("read the data folder's version: %w (%s)", err, elsewhere)
	}
	have, err := parseFormat(p)
	if err != nil {
		return fmt.Errorf("%s: %w (%s)", name, err, elsewhere)
	}
	if have > format {
		return fmt.Errorf("the data folder %s is of format %d, made by a newer karez; this one knows %d: use the newer karez, or %s", dir, have, format, elsewhere)
	}
	return nil
}

func parseFormat(p []byte) (int, error) {
	var have int
	if _, err := fmt.Sscanf(string(p), "%d\n", &have); err != nil || have < 1 {
		return 0, fmt.Errorf("%.40q is no version of a data folder", p)
	}
	return have, nil
}

// writeFile writes a file of the folder, whole or not at all.
func writeFile(dir, name, text string) error {
	tmp := filepath.Join(dir, name+".tmp")
	if err := os.WriteFile(tmp, []byte(text), 0o600); err != nil {
		return notWritable(err)
	}
	if err := os.Rename(tmp, filepath.Join(dir, name)); err != nil {
		return notWritable(err)
	}
	return nil
}

// sayKilled tells the operator what a folder holds that nobody closed. The
// storage library mends the end of its journal by itself and says nothing.
func sayKilled(dir, logs string, log *slog.Logger) {
	log.Info("the data folder was not closed: its process was killed or lost power; what was acknowledged is read back", "dir", dir)
	file, at, lost, err := tornTail(logs)
	if err != nil {
		log.Warn("the journal of the data folder cannot be checked", "dir", dir, "err", err)
	}
	if lost > 0 {
		log.Warn("the journal of the data folder ends inside a write, which is left out: it was not acknowledged, unless the disk lost what it had synced",
			"file", file, "offset", at, "bytes", lost)
	}
}

// tornTail reads the newest journal and returns where its last whole write
// ends and how many bytes follow that are no write.
func tornTail(logs string) (file string, at, lost int64, err error) {
	all, err := wal.Scan(wal.Dir{FS: vfs.Default, Dirname: logs})
	if err != nil || len(all) == 0 {
		return "", 0, 0, err
	}
	r := all[len(all)-1].OpenForRead()
	defer func() { err = errors.Join(err, r.Close()) }()
	for {
		rec, off, err := r.NextRecord()
		if err == nil {
			_, err = io.Copy(io.Discard, rec)
		}
		file, at = off.PhysicalFile, off.Physical
		if errors.Is(err, io.EOF) {
			return file, at, 0, nil
		}
		if errors.Is(err, record.ErrUnexpectedEOF) {
			lost, err := bytesAfter(file, at)
			return file, at, lost, err
		}
		if err != nil { // broken in the middle: Open says so
			return file, at, 0, nil
		}
	}
}

// bytesAfter counts the bytes of a file from at to the last that is not zero.
func bytesAfter(file string, at int64) (n int64, err error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buf := make([]byte, 32<<10)
	for off := at; ; {
		k, err := f.ReadAt(buf, off)
		for i, c := range buf[:k] {
			if c != 0 {
				n = off + int64(i) + 1 - at
			}
		}
		off += int64(k)
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// A listener passes on what an operator wants to hear of the storage library.
type listener struct{ log *slog.Logger }

func (l *listener) Infof(format string, args ...any) {
	l.log.Debug("storage: " + fmt.Sprintf(format, args...))
}
func (l *listener) Errorf(format string, args ...any) {
	l.log.Error("storage: " + fmt.Sprintf(format, args...))
}

// Fatalf is called when the library cannot go on, as on a full disk. Going on
// would acknowledge what is not kept.
func (l *listener) Fatalf(format string, args ...any) {
	panic("storage: " + fmt.Sprintf(format, args...))
}

func (l *listener) events() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) { l.log.Error("storage", "err", err) },
		DiskSlow: func(i pebble.DiskSlowInfo) {
			l.log.Warn("storage: the disk is slow", "file", i.Path, "took", i.Duration)
		},
	}
}
