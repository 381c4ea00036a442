package membroker

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// The test binary is its own child: with this variable set it works on the
// folder that it names instead of running tests.
const (
	childFolder = "KAREZ_TEST_FOLDER"
	childWork   = "KAREZ_TEST_WORK" // "write" or "hold"
)

func TestMain(m *testing.M) {
	dir := os.Getenv(childFolder)
	if dir == "" {
		os.Exit(m.Run())
	}
	if err := child(dir, os.Getenv(childWork)); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
}

func child(dir, work string) error {
	b, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	fmt.Println("open")
	if work == "hold" {
		_, err := io.Copy(io.Discard, os.Stdin) // till the parent lets go
		if err != nil {
			return err
		}
		return b.Close()
	}
	return write(b)
}

const writers = 8

// write appends, adds and sets for ever, and says each thing that was
// acknowledged in a line of its own. It ends by being killed.
func write(b *Broker) error {
	var out sync.Mutex // guards standard output
	ack := func(what string, w int, n uint64) {
		out.Lock()
		defer out.Unlock()
		fmt.Println(what, w, n)
	}
	failed := make(chan error, 3*writers)
	for w := range writers {
		go func() { failed <- writeLog(b, w, ack) }()
		go func() { failed <- writeValue(b, w, ack) }()
		go func() { failed <- writeJobs(b, w, ack) }()
	}
	return <-failed
}

func childTurn(w int) turn.ID { return turn.NewID("app", fmt.Sprint("chat", w), "t1") }

func childKey(w int) broker.Key { return broker.Key{App: "app", Name: fmt.Sprint("k", w)} }

// writeLog goes on where the log ends, under the next epoch.
func writeLog(b *Broker, w int, ack func(string, int, uint64)) error {
	ctx, id := b.ctx, childTurn(w)
	if _, err := b.Info(ctx, id); err != nil {
		if err := b.Create(ctx, id, 0, text("1")); err != nil {
			return err
		}
	}
	e, top, err := b.Begin(ctx, id)
	if err != nil {
		return err
	}
	ack("begin", w, uint64(e))
	for {
		if top, err = b.Append(ctx, id, e, top+1, text(strconv.FormatUint(uint64(top+1), 10))); err != nil {
			return err
		}
		ack("append", w, uint64(top))
	}
}

// writeValue counts in a value of State.
func writeValue(b *Broker, w int, ack func(string, int, uint64)) error {
	val, rev, err := b.Get(b.ctx, childKey(w))
	if err != nil {
		return err
	}
	n, _ := strconv.ParseUint(string(val), 10, 64) // absent is 0
	for {
		n++
		if rev, err = b.Set(b.ctx, childKey(w), strconv.AppendUint(nil, n, 10), rev, 0); err != nil {
			return err
		}
		ack("set", w, n)
	}
}

// writeJobs adds three jobs for each one that it does.
func writeJobs(b *Broker, w int, ack func(string, int, uint64)) error {
	queue := fmt.Sprint("q", w)
	s, err := b.Stats(b.ctx, queue)
	if err != nil {
		return err
	}
	for n := uint64(s.Waiting); ; {
		for range 3 {
			if err := b.Add(b.ctx, queue, broker.Job{ID: childTurn(w), Payload: []byte("p")}); err != nil {
				return err
			}
			n++
			ack("jobs", w, n)
		}
		j, err := b.Take(b.ctx, queue, "w", time.Hour)
		if err != nil {
			return err
		}
		if err := b.Done(b.ctx, queue, j); err != nil {
			return err
		}
		n--
		ack("jobs", w, n)
	}
}

func text(s string) turn.Event { return turn.Event{Kind: turn.KindText, Data: []byte(s)} }

// acks are the last numbers that were acknowledged, by what and writer.
type acks map[string][writers]uint64

// runAndKill runs a child on dir, kills it after so many acknowledgements, and
// adds what it said to a.
func (a acks) runAndKill(t *testing.T, dir string, after int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childFolder+"="+dir, childWork+"=write")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ { // also what was said before it died
		var what string
		var w int
		var count uint64
		if _, err := fmt.Sscan(lines.Text(), &what, &w, &count); err == nil {
			of := a[what]
			of[w] = count
			a[what] = of
		} else if n > 0 {
			t.Errorf("the child said %q", lines.Text())
		}
		if n == after {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("the child was to be killed: %v", err)
	}
}
