package wire

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A golden file is one conversation. A line that begins with '>' is a command
// in JSON, one with '<' a frame, one with '#' a remark; below each message stand
// the hexadecimal bytes of the same in the binary codecs.
func render(steps []step) []byte {
	var b bytes.Buffer
	for _, s := range steps {
		switch {
		case s.note != "":
			fmt.Fprintf(&b, "# %s\n", s.note)
		case s.command != nil:
			fmt.Fprintf(&b, "> %s\n", JSON.AppendCommand(nil, s.command))
			fmt.Fprintf(&b, "  msgpack %x\n", MessagePack.AppendCommand(nil, s.command))
			fmt.Fprintf(&b, "  proto %x\n", Protobuf.AppendCommand(nil, s.command))
		default:
			fmt.Fprintf(&b, "< %s\n", JSON.AppendFrame(nil, s.frame))
			fmt.Fprintf(&b, "  msgpack %x\n", MessagePack.AppendFrame(nil, s.frame))
			fmt.Fprintf(&b, "  proto %x\n", Protobuf.AppendFrame(nil, s.frame))
		}
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	for name, steps := range stories {
		path := filepath.Join("testdata", name+".golden")
		got := render(steps)
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: what is encoded has changed; if that is meant, run go test ./wire -run Golden -update and read the difference", path)
		}
	}
	files, err := filepath.Glob("testdata/*.golden")
	if err != nil || len(files) != len(stories) {
		t.Errorf("%d golden files for %d stories, %v", len(files), len(stories), err)
	}
}

// A message of a golden file.
type golden struct {
	where   string
	command bool
	in      map[string][]byte // by subprotocol
}

func readGolden(t testing.TB) []golden {
	t.Helper()
	var out []golden
	for name := range stories {
		path := filepath.Join("testdata", name+".golden")
		p, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sc := bufio.NewScanner(bytes.NewReader(p))
		sc.Buffer(nil, MaxCommand)
		for n := 1; sc.Scan(); n++ {
			first, rest, _ := strings.Cut(strings.TrimLeft(sc.Text(), " "), " ")
			switch first {
			case ">", "<":
				out = append(out, golden{fmt.Sprintf("%s:%d", path, n), first == ">", map[string][]byte{"karez.v1.json": []byte(rest)}})
			case "msgpack", "proto":
				b, err := hex.DecodeString(rest)
				if err != nil {
					t.Fatalf("%s:%d: %v", path, n, err)
				}
				out[len(out)-1].in["karez.v1."+first] = b
			}
		}
	}
	return out
}

// All three encodings of each golden message are the same message, and it is
// encoded as the file says.
func TestGoldenReadsBack(t *testing.T) {
	seen := make(map[string]bool)
	for _, g := range readGolden(t) {
		var first any
		for _, codec := range Codecs() {
			p := g.in[codec.Subprotocol()]
			var got any
			var again []byte
			if g.command {
				c, err := codec.DecodeCommand(p)
				if err != nil {
					t.Fatalf("%s: %s: %v", g.where, codec.Subprotocol(), err)
				}
				if err := c.Check(); err != nil && c.Type != "teleport" {
					t.Errorf("%s: %v", g.where, err)
				}
				got, again = c, codec.AppendCommand(nil, c)
				seen[">"+c.Type] = true
			} else {
				f, err := codec.DecodeFrame(p)
				if err != nil {
					t.Fatalf("%s: %s: %v", g.where, codec.Subprotocol(), err)
				}
				got, again = f, codec.AppendFrame(nil, f)
				seen["<"+f.Type] = true
			}
			if !bytes.Equal(again, p) {
				t.Errorf("%s: %s: encoded again it is %q, not %q", g.where, codec.Subprotocol(), again, p)
			}
			if first == nil {
				first = got
			} else if !reflect.DeepEqual(got, first) {
				t.Errorf("%s: %s: %s, JSON: %s", g.where, codec.Subprotocol(), show(got), show(first))
			}
		}
	}
	for _, typ := range commandTypes {
		if !seen[">"+typ] {
			t.Errorf("no story has a %s command", typ)
		}
	}
	for _, typ := range frameTypes {
		if !seen["<"+typ] {
			t.Errorf("no story has a %s frame", typ)
		}
	}
}

var (
	commandTypes = []string{CmdHello, CmdFollow, CmdUnfollow, CmdPrompt, CmdRegenerate, CmdEdit, CmdCancel, CmdHistory,
		CmdPublish, CmdSignal, CmdJoin, CmdPresence, CmdLeave, CmdPace, CmdAck, CmdRenew, CmdPing}
	frameTypes = []string{FrameWelcome, FrameReply, FrameError, FrameLog, FrameEvent, FrameReset, FrameClosed, FramePresence, FrameSignal,
		FrameRenew, FrameBye, FramePing, FramePong}
)
