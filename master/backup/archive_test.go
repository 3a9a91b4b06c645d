package backup

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// entry is a file of an archive that a test makes by hand.
type entry struct {
	name, text string
	kind       byte // 0: a plain file
}

const header = `{"format":1,"key":"none"}`

// pack makes an archive of entries, with right sums unless one of them is called so.
func pack(t testing.TB, entries ...entry) []byte {
	t.Helper()
	sums := ""
	for _, e := range entries {
		sums += sumLine(e)
	}
	return packRaw(t, append(entries, entry{name: sumsName, text: sums})...)
}

func packRaw(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	zip, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(zip)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: tar.TypeReg, Size: int64(len(e.text)), Mode: 0o600}
		if e.kind != 0 {
			h.Typeflag, h.Linkname, h.Size, e.text = e.kind, e.text, 0, ""
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func sumLine(e entry) string {
	if e.kind != 0 {
		e.text = ""
	}
	return fmt.Sprintf("%s  %s\n", sha(e.text), e.name)
}

func whole() []entry {
	return []entry{{name: headerName, text: header}, {name: snapshotName, text: "facts"}, {name: "logs/shop/shop-000001/1/01-a.2.log", text: "a\n"}}
}

func TestAWholeArchive(t *testing.T) {
	s, err := Verify(bytes.NewReader(pack(t, whole()...)))
	if err != nil || s.Files != 3 || s.Bytes != int64(len(header)+len("facts")+2) || s.Key != "none" {
		t.Errorf("%+v, %v", s, err)
	}
}

// An archive that lost its end, wherever it was cut off, is refused.
func TestTorn(t *testing.T) {
	text := pack(t, whole()...)
	for n := range text {
		if _, err := Verify(bytes.NewReader(text[:n])); !errors.Is(err, ErrArchive) {
			t.Fatalf("%d of %d bytes: %v", n, len(text), err)
		}
	}
}

// A bit that flips is seen, wherever it is.
func TestFlipped(t *testing.T) {
	text := pack(t, whole()...)
	for n := range text {
		bad := bytes.Clone(text)
		bad[n] ^= 0x10
		if s, err := Verify(bytes.NewReader(bad)); err == nil && s.Files != 3 {
			t.Fatalf("byte %d: %+v", n, s)
		}
	}
}

func TestRefusedArchives(t *testing.T) {
	first := entry{name: headerName, text: header}
	facts := entry{name: snapshotName, text: "facts"}
	for name, c := range map[string]struct {
		archive []byte
		says    string
	}{
		"no archive":           {[]byte("PK\x03\x04"), "no whole backup"},
		"nothing":              {nil, "cut off"},
		"another tar":          {pack(t, entry{name: "etc/passwd"}), "not where it should be"},
		"no header":            {pack(t, facts), "not where it should be"},
		"two headers":          {pack(t, first, facts, first), "twice"},
		"no facts":             {pack(t, first), "no etcd.snapshot"},
		"up and out":           {pack(t, first, facts, entry{name: "logs/../../x", text: "x"}), "no name of a file"},
		"from the root":        {pack(t, first, facts, entry{name: "/etc/x", text: "x"}), "no name of a file"},
		"a dot":                {pack(t, first, facts, entry{name: "logs/./x", text: "x"}), "no name of a file"},
		"etcd itself":          {pack(t, first, facts, entry{name: "etcd/member/x", text: "x"}), "no name of a file"},
		"the lock":             {pack(t, first, facts, entry{name: "master.lock", text: "x"}), "no name of a file"},
		"a symbolic link":      {pack(t, first, facts, entry{name: "logs/x", text: "/etc", kind: tar.TypeSymlink}), "no plain file"},
		"a hard link":          {pack(t, first, facts, entry{name: "logs/x", text: "etcd.snapshot", kind: tar.TypeLink}), "no plain file"},
		"a directory":          {pack(t, first, facts, entry{name: "logs/x/", kind: tar.TypeDir}), "no plain file"},
		"a device":             {pack(t, first, facts, entry{name: "logs/x", kind: tar.TypeChar}), "no plain file"},
		"a file twice":         {pack(t, first, facts, entry{name: "logs/x"}, entry{name: "logs/x"}), "twice"},
		"a later format":       {pack(t, entry{name: headerName, text: `{"format":2}`}, facts), "take a newer one"},
		"a header of no JSON":  {pack(t, entry{name: headerName, text: `format=1`}, facts), "read wright-backup.json"},
		"no sums":              {packRaw(t, first, facts), "cut off"},
		"a sum left out":       {packRaw(t, first, facts, entry{name: sumsName, text: sumLine(first)}), `"etcd.snapshot" is not as`},
		"an edited file":       {packRaw(t, first, entry{name: snapshotName, text: "other"}, entry{name: sumsName, text: sumLine(first) + sumLine(facts)}), `"etcd.snapshot" is not as`},
		"a sum too many":       {packRaw(t, first, facts, entry{name: sumsName, text: sumLine(first) + sumLine(facts) + "x"}), `"SHA256SUMS" is not as`},
		"something after sums": {append(pack(t, first, facts), pack(t, first, facts)...), ""},
		"a file after sums":    {packRaw(t, first, facts, entry{name: sumsName, text: sumLine(first) + sumLine(facts)}, first), "comes after"},
	} {
		_, err := Verify(bytes.NewReader(c.archive))
		if c.says == "" {
			continue // two archives in a row are one zstd stream: the first counts, all of it was read
		}
		if !errors.Is(err, ErrArchive) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// FuzzVerify reads anything as a tar: whatever it says, nothing is written beside
// the directory, and only plain files in it.
func FuzzVerify(f *testing.F) {
	for _, e := range [][]entry{whole(), {{name: "logs/../../x"}}, {{name: headerName, text: header}, {name: "logs/x", text: "/", kind: tar.TypeSymlink}, {name: "logs/x/y", text: "z"}}} {
		zip, err := zstd.NewReader(bytes.NewReader(pack(f, e...)))
		if err != nil {
			f.Fatal(err)
		}
		plain, err := io.ReadAll(zip)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(plain)
		zip.Close()
	}
	f.Fuzz(func(t *testing.T, plain []byte) {
		if bytes.Contains(plain, []byte("GNU.sparse")) || len(plain) > 64<<10 {
			t.Skip("its size is what it says, which may be any")
		}
		var packed bytes.Buffer
		zip, _ := zstd.NewWriter(&packed, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
		_, _ = zip.Write(plain)
		_ = zip.Close()
		dir := t.TempDir()
		work := filepath.Join(dir, "work")
		if err := os.Mkdir(work, 0o700); err != nil {
			t.Fatal(err)
		}
		_ = extract(&packed, work, Target{Data: work})
		if all, _ := os.ReadDir(dir); len(all) != 1 {
			t.Fatalf("beside the directory is %v", all)
		}
		_ = filepath.WalkDir(work, func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.IsDir() && !d.Type().IsRegular() {
				t.Fatalf("%s: %v, %v", path, d.Type(), err)
			}
			return nil
		})
	})
}
