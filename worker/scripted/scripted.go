// Package scripted is a provider that plays a script instead of asking a
// model: pieces of text, sound and tool calls with pauses between them,
// failures, silence. Tests and trials of a deployment need no key and no
// network with it, and its answer depends on nothing but script and prompt.
//
// A script is JSON lines, each a Step; lines that begin with # say nothing:
//
//	{"text":"You asked: {prompt}\n"}
//	{"text":"word {i} ","repeat":100,"every":"20ms"}
//	{"error":{"code":"provider_unavailable","message":"down","retry":true},"ask":1}
//	{"usage":{"input_tokens":3,"output_tokens":100}}
//	{"end":"stop"}
//
// Read step.go for what a step can do, then play.go.
package scripted

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/karez/karez/turn"
)

// maxLine bounds one line of a script, in bytes.
const maxLine = 4 << 20

// maxTurns bounds how many turns a Provider remembers having been asked for.
const maxTurns = 10_000

// A Provider plays one script. It is a worker.Provider, and a
// worker.Continuer if a step says so.
type Provider struct {
	steps     []Step // set once, as the next
	continues bool

	mu   sync.Mutex      // guards the two below
	asks map[turn.ID]int // how often each turn was asked for in this process
	old  []turn.ID       // their order
}

// Open reads a script from a file. Its errors name the line.
func Open(path string) (*Provider, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open script: %w", err)
	}
	defer f.Close()
	steps, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("read script %s: %w", path, err)
	}
	return New(steps)
}

// Read reads the steps of a script.
func Read(r io.Reader) ([]Step, error) {
	var steps []Step
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, maxLine)
	for n := 1; sc.Scan(); n++ {
		line := bytes.TrimSpace(sc.Bytes())
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		var s Step
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&s); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if err := s.check(); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		steps = append(steps, s)
	}
	return steps, sc.Err()
}

// New returns a provider that plays steps.
func New(steps []Step) (*Provider, error) {
	p := &Provider{steps: steps, asks: make(map[turn.ID]int)}
	for i := range steps {
		if err := steps[i].check(); err != nil {
			return nil, fmt.Errorf("step %d: %w", i+1, err)
		}
		p.continues = p.continues || steps[i].Continue
	}
	return p, nil
}

// Name returns "scripted".
func (p *Provider) Name() string { return "scripted" }

// asked counts how often a turn was asked for, this time included.
func (p *Provider) asked(id turn.ID) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asks[id] == 0 {
		p.old = append(p.old, id)
		if len(p.old) > maxTurns {
			delete(p.asks, p.old[0])
			p.old = p.old[1:]
		}
	}
	p.asks[id]++
	return p.asks[id]
}
