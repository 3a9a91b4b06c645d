package host

import (
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestLines(t *testing.T) {
	tests := []struct {
		name, written string
		want          []string
	}{
		{"plain", "hello\n", []string{"INFO hello"}},
		{"several, CRLF and empty", "a\r\n\n\nb\n", []string{"INFO a", "INFO b"}},
		{"no line break yet", "half", nil},
		{"level and attributes", `{"@level":"error","@message":"m","@timestamp":"x","b":2,"a":"1"}` + "\n", []string{"ERROR m a=1 b=2"}},
		{"trace", `{"@level":"trace","@message":"m"}` + "\n", []string{"DEBUG m"}},
		{"unknown level", `{"@level":"loud","@message":"m"}` + "\n", []string{"INFO m"}},
		{"almost JSON", `{"@level":"error"` + "\n", []string{`INFO {"@level":"error"`}},
		{"wrong types", `{"@level":3,"@message":{}}` + "\n", []string{`INFO {"@level":3,"@message":{}}`}},
		{"a panic and its trace", "ok\npanic: x\ngoroutine 1\n", []string{"INFO ok", "ERROR panic: x", "ERROR goroutine 1"}},
		{"no text", "\xff\n", []string{"INFO �"}},
	}
	for _, tt := range tests {
		for _, size := range []int{1, 3, 1000} { // however it is cut into writes
			r := &records{}
			l := newLineLogger(slog.New(r))
			for b := []byte(tt.written); len(b) > 0; b = b[min(size, len(b)):] {
				if n, err := l.Write(b[:min(size, len(b))]); n != min(size, len(b)) || err != nil {
					t.Fatal(n, err)
				}
			}
			if strings.Join(r.list, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("%s: got %q, want %q", tt.name, r.list, tt.want)
			}
		}
	}
}

func TestTooMuchAndTooLong(t *testing.T) {
	r := &records{}
	l := newLineLogger(slog.New(r))
	_, _ = l.Write([]byte(strings.Repeat("x", 3*maxLine) + "\n"))
	if n := len(r.list[0]); n != len("INFO ")+maxLine {
		t.Errorf("a long line became %d bytes", n)
	}
	_, _ = l.Write([]byte(strings.Repeat("y\n", 3*maxLines)))
	if len(r.list) != maxLines+1 || r.count("WARN plugin writes too much") != 1 {
		t.Errorf("%d records", len(r.list))
	}
	l.window = time.Now().Add(-logWindow)
	_, _ = l.Write([]byte("z\n"))
	if last := r.list[len(r.list)-1]; last != "INFO z" || r.count("WARN plugin wrote too much") != 1 {
		t.Errorf("after the window: %q", r.list[len(r.list)-2:])
	}
}

func TestLastWords(t *testing.T) {
	for written, want := range map[string]string{
		"": "", "a\nb\n": "b", "a\nhalf": "half", "a\npanic: x\n\ngoroutine 1\n": "panic: x",
		`{"@level":"error","@message":"m","key":"hidden"}` + "\n": "m", strings.Repeat("x", 1000): strings.Repeat("x", 300),
	} {
		l := newLineLogger(slog.New(&records{}))
		_, _ = l.Write([]byte(written))
		l.flush()
		if got := l.lastWords(); got != want {
			t.Errorf("the last words of %q are %q, want %q", written, got, want)
		}
	}
}

func FuzzLines(f *testing.F) {
	f.Add([]byte(`{"@level":"error","@message":"m","a":[1,{"b":null}]}` + "\nplain\n"))
	f.Add([]byte("{\"@message\":1}\n\xff\xfe\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &records{}
		l := newLineLogger(slog.New(r))
		if n, err := l.Write(b); n != len(b) || err != nil {
			t.Fatal(n, err)
		}
		for _, s := range r.list {
			if !utf8.ValidString(s) && !strings.Contains(s, "=") {
				t.Errorf("a record that is no text: %q", s)
			}
		}
	})
}
