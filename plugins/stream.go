package plugins

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

// What one call may bring at most.
const (
	MaxMessage = 4 << 20  // bytes of a request, and of each message of an answer
	MaxThings  = 100_000  // servers, entries, … of one list
	MaxAnswer  = 64 << 20 // bytes of all messages of an answer, with messageCost for each
)

// messageCost is what a message costs beside its bytes: an answer of empty ones ends, too.
const messageCost = 256

// chunk is how many bytes of a list go into one message, about.
const chunk = 512 << 10

// message is a generated message.
type message[T any] interface {
	*T
	proto.Message
}

// Receive reads an answer of several messages to its end. Progress goes to the
// reporter of ctx, anything else to take. Kinds use it in their clients.
func Receive[T any, M message[T]](ctx context.Context, stream grpc.ServerStreamingClient[T], err error, take func(M) error) error {
	size := 0
	for err == nil {
		var m M
		if m, err = stream.Recv(); err != nil {
			break
		}
		if size += proto.Size(m) + messageCost; size > MaxAnswer {
			return BadAnswer(fmt.Errorf("it has more than %d MiB", MaxAnswer>>20))
		}
		if p, ok := any(m).(interface{ GetProgress() *pluginv1.Progress }); ok && p.GetProgress() != nil {
			Report(ctx, cut(p.GetProgress().GetMessage()), fraction(p.GetProgress().GetDone()))
			continue
		}
		if err := take(m); err != nil {
			return err
		}
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return FromStatus(err)
}

// Send sends a list in messages of a bearable size; none means an empty one.
// Kinds use it in their servers.
func Send[E proto.Message](list []E, send func([]E) error) error {
	for {
		size, n := 0, 0
		for n < len(list) && size < chunk {
			size += proto.Size(list[n])
			n++
		}
		if err := send(list[:n]); err != nil {
			return err
		}
		if list = list[n:]; len(list) == 0 {
			return nil
		}
	}
}

// CheckCount refuses lists that are longer than any host wants to hold.
func CheckCount(n int) error {
	if n > MaxThings {
		return BadAnswer(fmt.Errorf("it holds more than %d things", MaxThings))
	}
	return nil
}

// CheckSelected refuses a thing that a list should not hold: who lists things to
// end them must never meet another's.
func CheckSelected(have, want map[string]string) error {
	if !HasTags(have, want) {
		return BadAnswer(errors.New("the list holds something without the tags that were asked for"))
	}
	return nil
}

// cut makes one line of at most MaxText bytes of a text from the other side.
func cut(s string) string {
	return strings.NewReplacer("\n", " ", "\t", " ").Replace(readable(s, MaxText))
}

// readable bounds a text from the other side and takes out what may not be in
// one: control characters but line breaks and tabs.
func readable(s string, limit int) string {
	long := len(s) > limit
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || !unicode.IsControl(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(s[:min(len(s), limit)], "�"))
	if long {
		s += "…"
	}
	return s
}

func fraction(f float64) float64 {
	if f > 0 && f <= 1 {
		return f
	}
	return 0
}
