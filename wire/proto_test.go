package wire

import (
	"context"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"pgregory.net/rapid"

	"github.com/karez/karez/turn"
)

// schema compiles karez.proto.
func schema(t *testing.T) protoreflect.MessageDescriptors {
	t.Helper()
	src, err := os.ReadFile("karez.proto")
	if err != nil {
		t.Fatal(err)
	}
	c := protocompile.Compiler{Resolver: &protocompile.SourceResolver{
		Accessor: protocompile.SourceAccessorFromMap(map[string]string{"karez.proto": string(src)}),
	}}
	files, err := c.Compile(context.Background(), "karez.proto")
	if err != nil {
		t.Fatalf("compile karez.proto: %v", err)
	}
	return files[0].Messages()
}

// Bytes of ours are read whole by the Protobuf library, and what it writes of
// them we read as the same message.
func TestProtobufLibraryReadsOurs(t *testing.T) {
	msgs := schema(t)
	command, frame := msgs.ByName("Command"), msgs.ByName("Frame")
	rapid.Check(t, func(t *rapid.T) {
		c := genCommand().Draw(t, "command")
		again := throughLibrary(t, command, Protobuf.AppendCommand(nil, c))
		if got, err := Protobuf.DecodeCommand(again); err != nil || !reflect.DeepEqual(got, c) {
			t.Fatalf("got %s, %v, want %s", show(got), err, show(c))
		}
		f := genFrame().Draw(t, "frame")
		again = throughLibrary(t, frame, Protobuf.AppendFrame(nil, f))
		if got, err := Protobuf.DecodeFrame(again); err != nil || !reflect.DeepEqual(got, f) {
			t.Fatalf("got %s, %v, want %s", show(got), err, show(f))
		}
	})
}

func throughLibrary(t *rapid.T, d protoreflect.MessageDescriptor, p []byte) []byte {
	m := dynamicpb.NewMessage(d)
	if err := proto.Unmarshal(p, m); err != nil {
		t.Fatalf("the library reads %x: %v", p, err)
	}
	noUnknown(t, m)
	again, err := proto.Marshal(m)
	if err != nil {
		t.Fatalf("the library writes %v: %v", m, err)
	}
	return again
}

func noUnknown(t *rapid.T, m protoreflect.Message) {
	if len(m.GetUnknown()) > 0 {
		t.Fatalf("%s: fields %x are not in karez.proto", m.Descriptor().Name(), m.GetUnknown())
	}
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsMap() || fd.Message() == nil:
		case fd.IsList():
			for i := range v.List().Len() {
				noUnknown(t, v.List().Get(i).Message())
			}
		default:
			noUnknown(t, v.Message())
		}
		return true
	})
}

// Messages that the Protobuf library made of anything karez.proto allows lose
// nothing on their way through our structs.
func TestWeReadProtobufLibrary(t *testing.T) {
	msgs := schema(t)
	rapid.Check(t, func(t *rapid.T) {
		m := genMessage(t, msgs.ByName("Command"))
		p := marshal(t, m)
		c, err := Protobuf.DecodeCommand(p)
		if err != nil {
			t.Fatalf("%v: %v", m, err)
		}
		sameMessage(t, m, Protobuf.AppendCommand(nil, c))

		m = genMessage(t, msgs.ByName("Frame"))
		if rapid.Bool().Draw(t, "event") {
			m = genEventFrame(t, msgs.ByName("Frame"))
		}
		f, err := Protobuf.DecodeFrame(marshal(t, m))
		if err != nil {
			t.Fatalf("%v: %v", m, err)
		}
		sameMessage(t, m, Protobuf.AppendFrame(nil, f))
	})
}

func marshal(t *rapid.T, m proto.Message) []byte {
	p, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func sameMessage(t *rapid.T, want *dynamicpb.Message, p []byte) {
	got := dynamicpb.NewMessage(want.Descriptor())
	if err := proto.Unmarshal(p, got); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

// genMessage fills every field of a message but those of an event.
func genMessage(t *rapid.T, d protoreflect.MessageDescriptor) *dynamicpb.Message {
	m := dynamicpb.NewMessage(d)
	for i := range d.Fields().Len() {
		fd := d.Fields().Get(i)
		if d.Name() == "Frame" && (fd.Name() == "text" || fd.Name() == "event") {
			continue
		}
		genInto(t, m, fd)
	}
	return m
}

// genEventFrame makes an event with each field of Event.
func genEventFrame(t *rapid.T, d protoreflect.MessageDescriptor) *dynamicpb.Message {
	m := dynamicpb.NewMessage(d)
	m.Set(d.Fields().ByName("n"), protoreflect.ValueOfUint32(rapid.Uint32Min(1).Draw(t, "n")))
	m.Set(d.Fields().ByName("seq"), protoreflect.ValueOfUint64(rapid.Uint64Min(1).Draw(t, "seq")))
	fd := d.Fields().ByName("event")
	ev := genMessage(t, fd.Message())
	kind := turn.KindData
	fields := fd.Message().Fields()
	switch rapid.IntRange(0, 2).Draw(t, "payload") {
	case 0:
		kind = turn.KindTool
		ev.Set(fields.ByName("text"), protoreflect.ValueOfString("some text"))
	case 1:
		ev.Set(fields.ByName("data"), protoreflect.ValueOfString(`{"a":1}`))
	case 2:
		kind = turn.KindAudio
		ev.Set(fields.ByName("bytes"), protoreflect.ValueOfBytes([]byte{0, 255}))
	}
	ev.Set(fields.ByName("kind"), protoreflect.ValueOfString(string(kind)))
	m.Set(fd, protoreflect.ValueOfMessage(ev))
	return m
}

func genInto(t *rapid.T, m *dynamicpb.Message, fd protoreflect.FieldDescriptor) {
	name := string(fd.Name())
	switch {
	case fd.IsMap():
		mm := m.Mutable(fd).Map()
		mm.Set(protoreflect.ValueOfString("t1").MapKey(), genScalar(t, fd.MapValue()))
		mm.Set(protoreflect.ValueOfString("").MapKey(), genScalar(t, fd.MapValue()))
	case fd.IsList():
		for range rapid.IntRange(0, 3).Draw(t, name) {
			if fd.Message() != nil {
				m.Mutable(fd).List().Append(protoreflect.ValueOfMessage(genMessage(t, fd.Message())))
			} else {
				m.Mutable(fd).List().Append(genScalar(t, fd))
			}
		}
	case fd.Message() != nil:
		m.Set(fd, protoreflect.ValueOfMessage(genMessage(t, fd.Message())))
	case slices.Contains([]string{"data", "params", "json", "outcome", "info"}, name):
		m.Set(fd, protoreflect.ValueOfString(string(genJSON(2).Draw(t, name))))
	case m.Descriptor().Name() == "Frame" && name == "type":
		m.Set(fd, protoreflect.ValueOfString(FrameReply))
	default:
		m.Set(fd, genScalar(t, fd))
	}
}

func genScalar(t *rapid.T, fd protoreflect.FieldDescriptor) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(genText(20).Draw(t, "s"))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(rapid.SliceOfN(rapid.Byte(), 1, 9).Draw(t, "b"))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(rapid.Uint32().Draw(t, "u32"))
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(rapid.Uint64().Draw(t, "u64"))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(rapid.Int64Range(math.MinInt, math.MaxInt).Draw(t, "i64"))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rapid.Bool().Draw(t, "bool"))
	}
	t.Fatalf("karez.proto has a field of kind %v, which the test does not know", fd.Kind())
	return protoreflect.Value{}
}

// The tables, the struct tags and karez.proto name the same fields.
func TestSchemaAgrees(t *testing.T) {
	msgs := schema(t)
	compare(t, msgs, "Command", commandFields)
	compare(t, msgs, "Pace", paceFields)
	compare(t, msgs, "Prompt", promptFields)
	compare(t, msgs, "Content", contentFields)
	compare(t, msgs, "Frame", frameFields, "text", "event")
	compare(t, msgs, "Limits", limitsFields)
	compare(t, msgs, "Presence", presenceFields)
	compare(t, msgs, "Member", memberFields)
	compare(t, msgs, "Error", errorFields)
	compare(t, msgs, "History", historyFields)
	compare(t, msgs, "HistoryTurn", historyTurnFields)
	compare(t, msgs, "HistoryPart", historyPartFields)
	compare(t, msgs, "Usage", usageFields)
}

func compare[T any](t *testing.T, msgs protoreflect.MessageDescriptors, name protoreflect.Name, fields []field[T], extra ...string) {
	t.Helper()
	d := msgs.ByName(name)
	if want := d.Fields().Len() - len(extra); len(fields) != want {
		t.Errorf("%s has %d fields in the table, %d in karez.proto", name, len(fields), want)
	}
	tags := make(map[string]bool) // always there?
	for _, f := range reflect.VisibleFields(reflect.TypeFor[T]()) {
		key, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if key != "-" {
			tags[key] = opts != "omitempty"
		}
	}
	if len(tags) != len(fields) {
		t.Errorf("%s has %d fields in the table, %d in Go", name, len(fields), len(tags))
	}
	for _, f := range fields {
		if fd := d.Fields().ByNumber(f.num); fd == nil || string(fd.Name()) != f.name {
			t.Errorf("%s: field %d is %s in the table, %v in karez.proto", name, f.num, f.name, fd)
		}
		if always, ok := tags[f.name]; !ok || always != f.must {
			t.Errorf("%s: %s: the struct tag says otherwise", name, f.name)
		}
	}
}
