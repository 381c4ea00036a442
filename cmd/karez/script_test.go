package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"karez": main})
}

// patience is for what takes milliseconds on an idle machine.
const patience = time.Minute

// TestScript runs the program as a person does. In a script, $PORT is a port
// that is free, $SECRET one for tokens, await FILE REGEXP waits until a file matches, and ready URL
// until a server answers.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			defer ln.Close()
			env.Setenv("PORT", fmt.Sprint(ln.Addr().(*net.TCPAddr).Port))
			env.Setenv("SECRET", "a secret of at least thirty-two bytes")
			env.Setenv("XDG_CONFIG_HOME", env.Getenv("WORK")+"/config")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"await": await, "ready": ready},
	})
}

func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await FILE REGEXP")
	}
	want := regexp.MustCompile(args[1])
	until(ts, args[0]+" to match "+args[1], func() bool {
		p, err := os.ReadFile(ts.MkAbs(args[0]))
		return err == nil && want.Match(p)
	})
}

func ready(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ready URL")
	}
	until(ts, args[0]+" to answer", func() bool {
		res, err := http.Get(args[0] + "/readyz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

func until(ts *testscript.TestScript, what string, ok func() bool) {
	for end := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("waited %v for %s", patience, what)
		}
	}
}
