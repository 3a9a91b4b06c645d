package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"
)

func open(t testing.TB, address, installation string) *Bucket {
	t.Helper()
	b, err := Open(t.Context(), address, installation)
	if err != nil {
		t.Fatal(err)
	}
	b.pause = time.Millisecond
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func put(t testing.TB, b *Bucket, key, text string) {
	t.Helper()
	if err := b.Put(key, strings.NewReader(text), int64(len(text))); err != nil {
		t.Fatal(err)
	}
}

// keeps holds a bucket to what the rest of Wright builds upon.
func keeps(t *testing.T, address string) {
	b, other := open(t, address, "one"), open(t, address, "two")
	put(t, b, "logs/shop/shop-1/1/output.zst", "first")
	put(t, b, "logs/shop/shop-2/1/output.zst", "second")
	put(t, b, "logs/shop/shop-2/1/output.zst", "second, again")
	put(t, b, "logs/shop/shop-10/1/output.zst", "tenth")
	put(t, b, "logs/web/expired", "")
	put(t, other, "logs/other/other-1/1/output.zst", "somebody else's")

	large := bytes.Repeat([]byte("0123456789abcde\n"), 1<<20)
	if err := b.Put("large", bytes.NewReader(large), int64(len(large))); err != nil {
		t.Fatal(err)
	}
	middle := make([]byte, 100)
	if err := b.ReadAt("large", middle, 9<<20+1); err != nil || !bytes.Equal(middle, large[9<<20+1:][:100]) {
		t.Errorf("the middle is %q, %v", middle, err)
	}
	if err := b.ReadAt("large", middle, int64(len(large))-50); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("beyond the end: %v", err)
	}
	if size, err := b.Size("logs/shop/shop-2/1/output.zst"); err != nil || size != 13 {
		t.Errorf("%d bytes, %v", size, err)
	}
	if _, err := b.Size("logs/shop/shop-3/1/output.zst"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not there: %v", err)
	}
	if err := b.ReadAt("nothing", middle, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reading what is not there: %v", err)
	}
	if all, err := b.Directories("logs/"); err != nil || !slices.Equal(all, []string{"shop", "web"}) {
		t.Errorf("directories %v, %v", all, err)
	}
	if err := b.Remove("logs/shop/shop-1/"); err != nil {
		t.Fatal(err)
	}
	var found []string
	see := func(key string, size int64, at time.Time) {
		found = append(found, fmt.Sprint(key, " ", size))
		if at.IsZero() {
			t.Errorf("nobody knows when %s was put", key)
		}
	}
	if err := b.List("logs/shop/", see); err != nil || !slices.Equal(found, []string{"logs/shop/shop-10/1/output.zst 5", "logs/shop/shop-2/1/output.zst 13"}) {
		t.Errorf("listed %v, %v", found, err)
	}
	if err := errors.Join(b.Remove("logs/"), b.Remove("logs/")); err != nil {
		t.Error(err)
	}
	if size, err := other.Size("logs/other/other-1/1/output.zst"); err != nil || size == 0 {
		t.Errorf("of another installation %d bytes are left, %v", size, err)
	}
}

func TestDirectoryKeeps(t *testing.T) { keeps(t, "file://"+t.TempDir()) }

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"s3://AKIA:geheim@bucket":             "no credentials",
		"s3://bucket?secret_key=geheim":       "no credentials",
		"s3://bucket?awsAccessKey=geheim":     "no credentials",
		"azblob://x?sas_token=geheim":         "no credentials",
		"ftp://bucket":                        `"ftp" is no kind of bucket that this wright knows: it knows file`,
		"s3://bucket?kmskeyid=1&region=x":     "",
		"file:///srv/wright":                  "",
		"s3://b?region=x&ssetype=aws:kms":     "",
		"s3://%zz:geheim@x":                   "cannot be read",
		"s3://b?use_path_style=true&profile=": "",
	} {
		_, err := check(address)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "geheim") {
			t.Errorf("the error repeats a secret: %v", err)
		}
	}
}

// What fails is tried again, but not for ever; what is not there is not; and one who
// waits does not wait long for a bucket that has failed a moment ago.
func TestTries(t *testing.T) {
	b := open(t, "file://"+t.TempDir(), "one")
	bad := errors.New("the far side is away")
	count := func(fails int) (n int, err error) {
		err = b.try("read", "x", 0, func(context.Context) error {
			if n++; n <= fails {
				return bad
			}
			return nil
		})
		return n, err
	}
	for _, tt := range []struct {
		name  string
		fails int
		tries int
		ok    bool
	}{
		{"at once", 0, 1, true}, {"in the end", tries - 1, tries, true}, {"never", 100, tries, false},
		{"never, right after", 100, 1, false}, {"works again", 0, 1, true}, {"and is trusted again", 1, 2, true},
	} {
		if n, err := count(tt.fails); n != tt.tries || (err == nil) != tt.ok || err != nil && !errors.Is(err, bad) {
			t.Errorf("%s: %d tries, %v", tt.name, n, err)
		}
	}
}

// A try that gets no answer ends.
func TestStallsEnd(t *testing.T) {
	b := open(t, "file://"+t.TempDir(), "one")
	b.patience = 10 * time.Millisecond
	err := b.try("read", "x", 0, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}
