package packed

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"maps"
	"regexp"
	"strings"
	"testing"
)

func TestPack(t *testing.T) {
	plain := regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	for _, record := range []map[string]string{{}, {"a": "ünïcödé \x00 \"quoted\""}, {"long": strings.Repeat("tag ", 5000)}} {
		text, err := Pack(record)
		if err != nil || !plain.MatchString(text) {
			t.Fatalf("got %.100q, %v", text, err)
		}
		got := map[string]string{}
		if err := Unpack(text, &got); err != nil || !maps.Equal(got, record) {
			t.Errorf("%.60v came back as %.60v, %v", record, got, err)
		}
	}
	if _, err := Pack(func() {}); err == nil {
		t.Error("a function was packed")
	}
}

func TestBomb(t *testing.T) {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression)
	_, _ = w.Write([]byte(`"` + strings.Repeat("x", 50<<20) + `"`))
	_ = w.Close()
	var got string
	if err := Unpack(base64.RawURLEncoding.EncodeToString(b.Bytes()), &got); err == nil {
		t.Errorf("%d bytes were unpacked", len(got))
	}
}

func FuzzUnpack(f *testing.F) {
	for _, record := range []any{"", 1, map[string]string{"token": "t", "name": "n"}} {
		text, err := Pack(record)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var record struct{ Token string }
		if Unpack(text, &record) == nil && len(record.Token) > maxUnpacked {
			t.Errorf("a token of %d bytes", len(record.Token))
		}
	})
}
