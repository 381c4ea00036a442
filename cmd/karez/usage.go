package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// examples are what flags without which a command cannot work look like.
var examples = map[string]string{
	"broker":     "redis://localhost:6379",
	"jwt-secret": `"$(openssl rand -hex 32)"`,
}

// mistaken tells what is wrong with a command line, and ends the program. The
// whole help would push the one line that matters off the screen.
func mistaken(err error) {
	fmt.Fprintf(os.Stderr, "karez: %s\n", mistake(err))
	code := 1
	if e := (*kong.ParseError)(nil); errors.As(err, &e) {
		code = e.ExitCode()
	}
	os.Exit(code)
}

func mistake(err error) string {
	e := (*kong.ParseError)(nil)
	if !errors.As(err, &e) || e.Context == nil {
		return err.Error()
	}
	command := "karez"
	if n := e.Context.Selected(); n != nil {
		command = n.FullPath()
	}
	text := err.Error()
	if strings.HasPrefix(text, "missing flags: ") {
		text = missing(e.Context.Flags())
	}
	return text + "; see " + command + " --help"
}

// missing says how to give the flags that are not.
func missing(flags []*kong.Flag) string {
	var out []string
	for _, f := range flags {
		if !f.Required || f.Set {
			continue
		}
		s := "--" + f.Name + " is missing: give --" + f.Name + " " + examples[f.Name]
		if len(f.Envs) > 0 {
			s += ", or set " + f.Envs[0]
		}
		out = append(out, s)
	}
	return strings.Join(out, "; ")
}
