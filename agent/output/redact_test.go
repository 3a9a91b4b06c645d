package output

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const token = "glpat-Zx81/+Qa==9"

const key = `-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACDxq3kHcPcA2wL1D1D2gLm0ttV5XK0M2nQ4v1sVr0eHMQAAAJDqTlhG6k5Y
AAAEC1u6x0
-----END OPENSSH PRIVATE KEY-----
`

func TestHide(t *testing.T) {
	r := NewRedactor([]string{token, key + "\n", "abc", "secret", "secrets are longer"})
	basic := base64.StdEncoding.EncodeToString([]byte("x-access-token:" + token))
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"nothing", "nothing"},
		{token, "***"},
		{"a " + token + token + " b", "a ****** b"},
		{"https://me:glpat-Zx81%2F+Qa==9@host/", "https://me:***@host/"},
		{"token=glpat-Zx81%2F%2BQa%3D%3D9&x=1", "token=***&x=1"},
		{token[:len(token)-1], token[:len(token)-1]},
		{"abc is too short", "abc is too short"},
		{"secrets are", "***s are"},
		{"secrets are longer", "***"},
		{"secresecret", "secre***"},
	} {
		if got := r.Hide(c.text); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
	if got := r.Hide(basic); !strings.Contains(got, stars) || len(got) > len("eC1hY2Nlc3MtdG9rZW46")+len(stars)+4 {
		t.Errorf("base64: %q", got)
	}
	got := r.Hide("    " + strings.ReplaceAll(key, "\n", "\r\n    "))
	want := "    -----BEGIN OPENSSH PRIVATE KEY-----\r\n    ***\r\n    ***\r\n    AAAEC1u6x0\r\n    -----END"
	if !strings.HasPrefix(got, want) {
		t.Errorf("key: %q", got)
	}
	if got := r.Hide(base64.StdEncoding.EncodeToString([]byte(key))); strings.Count(got, stars) != 2 {
		t.Errorf("key in base64: %q", got)
	}
	if NewRedactor([]string{"", "abc", "\n"}) != nil {
		t.Error("nothing to hide is no nil")
	}
}

// TestHideAnywhere: a secret is found wherever it begins, in each form and at
// each alignment of base64.
func TestHideAnywhere(t *testing.T) {
	for n := shortest; n < 40; n++ {
		secret := strings.Repeat("S3cr*t", 7)[:n]
		r := NewRedactor([]string{secret, "another one"})
		for before := range 20 {
			text := strings.Repeat(".", before) + secret + "..."
			if got := r.Hide(text); got != strings.Repeat(".", before)+stars+"..." {
				t.Errorf("%q: %q", text, got)
			}
			if coded := base64.StdEncoding.EncodeToString([]byte(text)); n >= 12 && !strings.Contains(r.Hide(coded), stars) {
				t.Errorf("base64 of %q: %q", text, r.Hide(coded))
			}
		}
	}
}

// naive says what Hide should, byte for byte.
func naive(words [][]byte, text string) string {
	var b strings.Builder
next:
	for i := 0; i < len(text); {
		for _, w := range words { // the longest first
			if strings.HasPrefix(text[i:], string(w)) {
				b.WriteString(stars)
				i += len(w)
				continue next
			}
		}
		b.WriteByte(text[i])
		i++
	}
	return b.String()
}

// TestHideIsTheSameHoweverItIsCut, and is what a simple search would do.
func TestHideIsTheSameHoweverItIsCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.StringOfN(rapid.RuneFrom([]rune("ab")), shortest, 12, -1)
		r := NewRedactor(rapid.SliceOfN(letters, 1, 4).Draw(t, "secrets"))
		text := rapid.StringOfN(rapid.RuneFrom([]rune("aabbbc")), 0, 200, -1).Draw(t, "text")
		want := naive(r.words, text)
		if got := r.Hide(text); got != want {
			t.Fatalf("%q, want %q", got, want)
		}
		var shown, held []byte
		for rest := text; ; {
			n := rapid.IntRange(0, len(rest)).Draw(t, "bytes")
			held = append(held, rest[:n]...)
			rest = rest[n:]
			var used int
			shown, used = r.redact(shown, held, rest == "")
			if held = held[used:]; rest == "" {
				break
			}
		}
		if string(shown) != want {
			t.Fatalf("cut: %q, want %q", shown, want)
		}
	})
}

// TestVeiled: what is shown can be read from any offset, also again, in pieces
// of any size, while the file grows.
func TestVeiled(t *testing.T) {
	for seed := range uint64(30) {
		veil(t, rand.New(rand.NewPCG(seed, 2)))
	}
}

func veil(t *testing.T, random *rand.Rand) {
	r := NewRedactor([]string{token})
	var file bytes.Buffer
	for file.Len() < 3*chunkSize {
		fmt.Fprintf(&file, "%s%s", strings.Repeat("glpat-", random.IntN(100)), token)
	}
	text := file.Bytes()
	want := r.Hide(string(text))
	v := &veiled{redactor: r}
	var got []byte
	buf := make([]byte, chunkSize)
	for size := 0; ; {
		size = min(size+random.IntN(chunkSize), len(text))
		whole := size == len(text)
		if random.IntN(3) == 0 {
			got = got[:random.IntN(len(got)+1)]
		}
		n, err := v.readAt(bytes.NewReader(text[:size]), buf[:1+random.IntN(len(buf)-1)], int64(len(got)), whole)
		if got = append(got, buf[:n]...); whole && errors.Is(err, io.EOF) {
			break
		}
	}
	if string(got) != want {
		t.Errorf("%d bytes, other ones than the %d wanted", len(got), len(want))
	}
	if n, err := v.readAt(bytes.NewReader(text), buf, int64(len(want))+5, true); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("past the end: %d, %v", n, err)
	}
}

// TestDeliveredWithoutSecrets: also when the step writes one in two pieces, and
// when an agent takes up what a former one has begun to deliver.
func TestDeliveredWithoutSecrets(t *testing.T) {
	f := newFar(t, none, unsaid, cut, lose)
	master, stop := f.serve()
	defer stop()
	dir := t.TempDir()
	r := NewRedactor([]string{token})
	o := New("shop-1", 1, dir, r, quiet())
	path := o.Begin(1, "leaky")
	write := func(text string) {
		out, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		if _, err := out.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	write("+ echo " + token + "\n" + token[:5])
	done := make(chan error, 1)
	closed := make(chan struct{})
	go func() { done <- o.Deliver(t.Context(), master, closed) }()
	shown := func(n int) func() bool { return func() bool { return f.size(1) >= n } }
	if err := f.until(t.Context(), shown(len("+ echo ***\n"))); err != nil {
		t.Fatal(err)
	}
	write(token[5:] + "\n")
	o.End(1)
	close(closed)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := string(f.parts[1].data); got != "+ echo ***\n***\n" {
		t.Errorf("the master has %q", got)
	}
}

func FuzzHide(f *testing.F) {
	f.Add(token, "a "+token)
	f.Add(key, "x"+key)
	f.Fuzz(func(t *testing.T, secret, text string) {
		r := NewRedactor([]string{secret})
		if r == nil {
			return
		}
		if got := r.Hide(text); got != naive(r.words, text) {
			t.Errorf("%q: %q", text, got)
		}
	})
}

func BenchmarkHide(b *testing.B) {
	text := bytes.Repeat([]byte("2026-11-21 12:00:00 compiling the part that does what the others do not\n"), chunkSize/72)
	for name, secrets := range map[string][]string{"token": {token}, "key": {key}, "both and short": {token, key, "abcd"}} {
		b.Run(name, func(b *testing.B) {
			r := NewRedactor(secrets)
			var dst []byte
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				dst, _ = r.redact(dst[:0], text, true)
			}
		})
	}
}
