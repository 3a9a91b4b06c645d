package plugins

import (
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"google.golang.org/grpc"

	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

// repeated is an answer of n equal messages.
type repeated struct {
	grpc.ServerStreamingClient[pluginv1.DeleteServerResponse]
	n       int
	message *pluginv1.DeleteServerResponse
}

func (r *repeated) Recv() (*pluginv1.DeleteServerResponse, error) {
	if r.n--; r.n < 0 {
		return nil, io.EOF
	}
	return r.message, nil
}

func TestAnswersEnd(t *testing.T) {
	tests := []struct {
		n, bytes int
		ok       bool
	}{{0, 0, true}, {100_000, 0, true}, {1000, 50_000, true}, {1 << 30, 0, false}, {1 << 30, 3 << 20, false}, {1500, 50_000, false}}
	for _, tt := range tests {
		m := &pluginv1.DeleteServerResponse{Progress: &pluginv1.Progress{Message: strings.Repeat("x", tt.bytes)}}
		err := Receive(t.Context(), &repeated{n: tt.n, message: m}, nil, func(*pluginv1.DeleteServerResponse) error { return nil })
		if (err == nil) != tt.ok {
			t.Errorf("%d messages of %d bytes: %v", tt.n, tt.bytes, err)
		}
	}
}

func TestReadable(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "a\nb\tü": "a\nb\tü", "\x1b[2J\x00\u0085": " [2J  ", "a\xffb": "a\ufffdb", "12345678901": "1234567890…", "123456789ü": "123456789\ufffd…",
	} {
		got := readable(in, 10)
		if got != want || !utf8.ValidString(got) {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
		if strings.ContainsFunc(cut(in), unicode.IsControl) {
			t.Errorf("%q cut is %q", in, cut(in))
		}
	}
}
