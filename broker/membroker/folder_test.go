package membroker

import (
	"bufio"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// refused wants Open to fail and to say each of want.
func refused(t *testing.T, dir string, want ...string) {
	t.Helper()
	b, err := Open(dir, Options{Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		closeBroker(t, b)
		t.Fatal("the folder was opened")
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error does not say %q: %v", w, err)
		}
	}
}

func TestFolderThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, file, "make the data folder", file, "--data")
	refused(t, filepath.Join(file, "below"), "make the data folder", file, "--data")
}

func TestFolderThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "logs", "LOCK"), 0o700); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, "write to the data folder", "LOCK", "the right to write", "--data")
	dir = t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, formatFile+".tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, "write to the data folder", formatFile, "the right to write", "--data")
}

func TestFolderOfAnotherVersion(t *testing.T) {
	for text, want := range map[string]string{
		"2\n": "format 2, made by a newer karez; this one knows 1: use the newer karez, or", "99\n": "format 99",
		"": "no version", "one": "no version", "-1\n": "no version", "0\n": "no version",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, formatFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, dir, want, "--data")
		if p, err := os.ReadFile(filepath.Join(dir, formatFile)); err != nil || string(p) != text {
			t.Errorf("the version was %q, is %q, %v", text, p, err)
		}
	}
}

func TestFolderInUse(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	refused(t, dir, "in use by another karez", "stop that one", "--data", dir)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir) // and is free afterwards
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFolderInUseByAnotherProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "clocks") // a name with "lock" in it
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childFolder+"="+dir, childWork+"=hold")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "open\n" {
		t.Errorf("the child said %q, %v", line, err)
	}
	refused(t, dir, "in use by another karez", "stop that one", "--data", dir)
	if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
		t.Fatal(err)
	}
	b, said := openSaying(t, dir)
	defer closeBroker(t, b)
	if said.Len() > 0 {
		t.Errorf("said of a folder that was closed:\n%s", said)
	}
}

// A call that passed the broker's own check just before Close finds the folder
// closed, not gone.
func TestClosedFolderIsNotTouched(t *testing.T) {
	b, id := open(t, t.TempDir()).(*Broker), turn.NewID("app", "chat", "t1")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	s := b.store
	_, _, _, read := s.readLog(id)
	_, has := s.has(id)
	_, list := s.logsOf("app", "chat")
	for what, err := range map[string]error{
		"append": s.append(id, meta{}, nil), "replace": s.replace(id, meta{}, nil), "trim": s.trim(id, meta{}), "remove": s.remove(id),
		"job": s.putJob("q", 1, broker.Job{}), "done": s.deleteJob("q", 1), "state": s.putState(broker.Key{}, nil, value{}),
		"read": read, "has": has, "list": list,
	} {
		if !errors.Is(err, broker.ErrClosed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// damage changes a folder that nobody has open.
func damage(t *testing.T, dir string, do func(db *pebble.DB) error) {
	t.Helper()
	db, err := pebble.Open(filepath.Join(dir, "logs"), &pebble.Options{Logger: &listener{log: slog.New(slog.DiscardHandler)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(do(db), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// threeEvents makes a folder with one log.
func threeEvents(t *testing.T) (dir string, id turn.ID) {
	t.Helper()
	dir, id = t.TempDir(), turn.NewID("app", "chat", "t1")
	b := open(t, dir)
	if err := b.Create(t.Context(), id, 0, text("a"), text("b"), text("c")); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, id
}

// What a folder has of a log is all of it, or an error that names the log: a
// gap is never silent (design: 6).
func TestDamagedLogIsAnError(t *testing.T) {
	set := func(k func(turn.ID) []byte, v string) func(*pebble.DB, turn.ID) error {
		return func(db *pebble.DB, id turn.ID) error { return db.Set(k(id), []byte(v), pebble.Sync) }
	}
	event := func(s turn.Seq) func(turn.ID) []byte {
		return func(id turn.ID) []byte { return seqKey(logKey(eventKey, id), s) }
	}
	del := func(s turn.Seq) func(*pebble.DB, turn.ID) error {
		return func(db *pebble.DB, id turn.ID) error { return db.Delete(event(s)(id), pebble.Sync) }
	}
	meta := func(id turn.ID) []byte { return logKey(metaKey, id) }
	short := func(id turn.ID) []byte { return append(logKey(eventKey, id), 1, 2) }
	for name, do := range map[string]func(*pebble.DB, turn.ID) error{
		"first event missing":   del(1),
		"second event missing":  del(2),
		"last event missing":    del(3),
		"an event too many":     set(event(4), `{"k":"text"}`),
		"event is no JSON":      set(event(2), `{"k":`),
		"event has no kind":     set(event(2), `{}`),
		"event spans backwards": set(event(2), `{"k":"text","f":3}`),
		"key is short":          set(short, `{"k":"text"}`),
		"meta is no JSON":       set(meta, `nope`),
		"meta is cut too far":   set(meta, `{"Top":3,"Trimmed":4}`),
	} {
		t.Run(name, func(t *testing.T) {
			dir, id := threeEvents(t)
			damage(t, dir, func(db *pebble.DB) error { return do(db, id) })
			b := open(t, dir)
			ctx := t.Context()
			_, read := b.Read(ctx, id, 0, 10)
			_, append := b.Append(ctx, id, 0, 4, text("d"))
			_, _, begin := b.Begin(ctx, id)
			for _, err := range []error{read, append, begin, b.Create(ctx, id, 0, text("a"))} {
				if err == nil || !strings.Contains(err.Error(), id.String()) {
					t.Errorf("the error does not name the log: %v", err)
				}
			}
			b.Watch(id, func() {})() // does not hang
		})
	}
}

func TestDamagedJobOrStateIsAnError(t *testing.T) {
	for k, v := range map[string]string{
		"j": "{}", "j\x00\x09q": "{}", "j\x00\x01q\x00\x00": "{}", string(jobKeyOf("q", 7)): "[",
		"s": "{}", "s\x00\x01a": "{}", "s\x00\x01a\x00\x00\x00\x00x": "{}", string(names([]byte{stateKey}, "a", "", "k")): `{"d":"!"}`,
		string(names([]byte{stateKey}, "a", "", "k2")): `{"d":"YQ=="}`,
	} {
		dir, _ := threeEvents(t)
		damage(t, dir, func(db *pebble.DB) error { return db.Set([]byte(k), []byte(v), pebble.Sync) })
		refused(t, dir, "read the data folder "+dir, "restore it from a copy")
		refused(t, dir, "read the data folder") // the lock was let go
	}
}
