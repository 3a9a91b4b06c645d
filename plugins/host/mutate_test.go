package host

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

func someTime() *timestamppb.Timestamp {
	return timestamppb.New(time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC))
}

func goodServer() *pluginv1.Server {
	return &pluginv1.Server{
		Token: token, Name: "n", Address: "10.0.0.1", Port: 80, State: "running", Tags: tags(), CreatedAt: someTime(),
		Variables: map[string]string{"WRIGHT_APPSERVER_DIR": "/x"},
	}
}

func goodDatabase() *pluginv1.Database {
	return &pluginv1.Database{
		Token: token, Name: "n", Url: "postgres://u:p@h/n", Variables: map[string]string{"URL": "x"}, Persistent: true, Tags: tags(),
	}
}

func goodEntry() *pluginv1.Entry {
	return &pluginv1.Entry{Domain: "*.a.example.", Tags: tags(), Records: []*pluginv1.Record{
		{Type: "A", Value: "10.0.0.1", Ttl: durationpb.New(time.Minute)}, {Type: "TXT", Value: "x"},
	}}
}

func goodDescription() *pluginv1.DescribeResponse {
	one := 1.0
	fields := []*pluginv1.Field{
		{Name: "port", Type: "integer", Min: &one, DefaultJson: []byte("80"), Doc: "where"},
		{Name: "key", Type: "string", Secret: true, Required: true},
		{Name: "size", Type: "string", OneOf: []string{"s", "m"}, ExampleJson: []byte(`"s"`)},
		{Name: "disks", Type: "list", Element: "table", Fields: []*pluginv1.Field{{Name: "gib", Type: "number", Max: &one}}},
	}
	return &pluginv1.DescribeResponse{
		Kind: "cloud", Name: "n", Version: "1", Capabilities: []string{"console"}, Doc: "what",
		Settings: &pluginv1.Schema{Fields: fields}, Config: &pluginv1.Schema{Fields: fields[:1]},
	}
}

func encode(messages []proto.Message) [][]byte {
	var all [][]byte
	for _, m := range messages {
		b, err := proto.Marshal(m)
		if err != nil {
			panic(err)
		}
		all = append(all, b)
	}
	return all
}

// mutate makes a hostile answer of a good one; sometimes it leaves it good.
func mutate(r *rand.Rand, good []proto.Message) answer {
	var messages []proto.Message
	for _, m := range good {
		m = proto.Clone(m)
		for range pick(r, 0, 0, 1, 3) {
			spoil(r, m.ProtoReflect())
		}
		messages = append(messages, m)
	}
	a := answer{messages: encode(messages)}
	for range pick(r, 0, 0, 0, 1, 2, 8) {
		i := r.IntN(len(a.messages))
		a.messages[i] = garble(r, a.messages[i])
	}
	switch r.IntN(12) {
	case 0:
		a.messages = a.messages[:r.IntN(len(a.messages)+1)]
	case 1:
		a.messages = append(a.messages, a.messages[r.IntN(len(a.messages))])
	case 2:
		a.messages = slices.Repeat(a.messages, 1+r.IntN(50))
	case 3:
		slices.Reverse(a.messages)
	}
	if r.IntN(6) == 0 {
		a.end = hostileStatus(r)
	}
	return a
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// garble changes bytes without regard to what they mean.
func garble(r *rand.Rand, b []byte) []byte {
	b = bytes.Clone(b)
	at := r.IntN(len(b) + 1)
	switch r.IntN(9) {
	case 0: // bits
		for range 1 + r.IntN(8) {
			if len(b) > 0 {
				b[r.IntN(len(b))] ^= 1 << r.IntN(8)
			}
		}
		return b
	case 1: // an end too early
		return b[:at]
	case 2: // noise
		noise := make([]byte, r.IntN(20))
		for i := range noise {
			noise[i] = byte(r.Uint32())
		}
		return slices.Insert(b, at, noise...)
	case 3: // numbers and lengths without end
		return slices.Insert(b, at, bytes.Repeat([]byte{0xff}, 1+r.IntN(12))...)
	case 4: // a part again
		return slices.Concat(b[:at], b)
	case 5: // another wire type
		if at < len(b) {
			b[at] = b[at]&^7 | byte(r.IntN(8))
		}
		return b
	case 6: // groups within groups
		return append(b, bytes.Repeat([]byte{pick[byte](r, 0x0b, 0x5b)}, pick(r, 10, 10, 10, 1000, 20_000))...)
	case 7: // messages within messages
		return append(b, nested(pick[byte](r, 0x0a, 0x12, 0x32, 0x3a, 0x5a), pick(r, 5, 5, 50, 500))...)
	}
	// no text
	return bytes.Replace(b, []byte("a"), []byte(pick(r, "\xff", "\xed\xa0\x80", "\x00", "\xc0\xaf")), 1+r.IntN(3))
}

// nested is a field within itself, depth times.
func nested(tag byte, depth int) []byte {
	var b []byte
	for range depth {
		length := []byte{byte(len(b)&0x7f | 0x80), byte(len(b) >> 7 & 0x7f)}
		b = slices.Concat([]byte{tag}, length, b)
	}
	return b
}

// spoil gives one field, anywhere in the message, a value that is well formed and hostile.
func spoil(r *rand.Rand, m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	if fields.Len() == 0 {
		return
	}
	f := fields.Get(r.IntN(fields.Len()))
	switch {
	case r.IntN(8) == 0:
		m.Clear(f)
	case f.IsMap():
		for range pick(r, 1, 1, 1, 1, 1, 1, 70) {
			m.Mutable(f).Map().Set(protoreflect.ValueOfString(hostileString(r)).MapKey(), protoreflect.ValueOfString(hostileString(r)))
		}
	case f.IsList():
		spoilList(r, m.Mutable(f).List(), f)
	case f.Kind() == protoreflect.MessageKind:
		spoil(r, m.Mutable(f).Message())
	default:
		m.Set(f, hostileScalar(r, f))
	}
}

func spoilList(r *rand.Rand, list protoreflect.List, f protoreflect.FieldDescriptor) {
	again := r.IntN(2) == 0
	for range pick(r, 0, 0, 0, 0, 0, 0, 0, 1, 1, 101, 1001) {
		switch {
		case f.Kind() != protoreflect.MessageKind:
			list.Append(hostileScalar(r, f))
		case list.Len() > 0 && again:
			list.Append(protoreflect.ValueOfMessage(proto.Clone(list.Get(0).Message().Interface()).ProtoReflect()))
		default:
			list.Append(list.NewElement())
		}
	}
	if list.Len() > 0 && f.Kind() == protoreflect.MessageKind {
		spoil(r, list.Get(r.IntN(list.Len())).Message())
	}
}

func hostileScalar(r *rand.Rand, f protoreflect.FieldDescriptor) protoreflect.Value {
	number := pick[int64](r, 0, -1, 1, 65535, 65536, 999_999_999, 1_000_000_000, math.MaxInt32, math.MinInt32, math.MaxInt64, math.MinInt64, 253402300800, -62135596801)
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(r.IntN(2) == 0)
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(number))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(number)
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(pick(r, math.NaN(), math.Inf(1), math.Inf(-1), -1, 1e308, 0.5))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(pick(r, "", "null", "{", "1e999", `"x"`, `[[[[[[[[[[`, `{"a":{"a":1}}`, strings.Repeat("[", 9000))))
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(hostileString(r))
	}
	panic("a field of a new kind: " + f.Kind().String())
}

func hostileString(r *rand.Rand) string {
	return pick(r, "", "x", "../../etc/passwd", "a\x00b", "a\nb", "\x1b[2J", "\u202e", "\u0085", "$(id)", "-rf", "a.b.", "*", "::1%eth0", "999.1.1.1",
		"running", "list", "table", "cloud", "/", "\xf0\x9f\x92\xa9", strings.Repeat("x", 1024), strings.Repeat("x", 1025), strings.Repeat("ü", 3000), strings.Repeat("a.", 130))
}

func hostileStatus(r *rand.Rand) *status.Status {
	detail := &pluginv1.ErrorDetail{Code: pick(r, "not-found", "quota", "transient", "invalid", "", "new"), Field: hostileString(r),
		RetryAfter: &durationpb.Duration{Seconds: pick[int64](r, 1, -1, math.MaxInt64, math.MinInt64, 1e9), Nanos: pick[int32](r, 0, -1, math.MaxInt32)}}
	value := encode([]proto.Message{detail})[0]
	if r.IntN(2) == 0 {
		value = garble(r, value)
	}
	s := status.New(pick[codes.Code](r, 1, 2, 4, 5, 8, 13, 14, 16, 17, 99, math.MaxInt32, math.MaxUint32),
		hostileString(r)+strings.Repeat("m", pick(r, 0, 0, 0, 0, 0, 0, 0, 10_000, 10_000, 500_000))).Proto()
	for range pick(r, 0, 1, 1, 2, 20) {
		s.Details = append(s.Details, &anypb.Any{
			TypeUrl: pick(r, "type.googleapis.com/wright.plugin.v1.ErrorDetail", "type.googleapis.com/wright.plugin.v1.Server", "x", ""), Value: value,
		})
	}
	return status.FromProto(s)
}
