package logs

import (
	"path/filepath"
	"strings"
	"testing"
)

func FuzzFileNames(f *testing.F) {
	for _, s := range []string{"00-wright.part", "01-test.12.log", "1-x.part", "01-%2e.part", "01-a.b.3.log", "finished", "-", "99999-x.part", "01-x.-1.log", "01-x.99999999999999999999.log"} {
		f.Add(s, 1, int64(5))
	}
	f.Fuzz(func(t *testing.T, s string, number int, size int64) {
		if p, ok := parseFileName(s); ok && (fileName(p) != s || p.Number < 0 || p.Size < 0) {
			t.Errorf("%q was taken for %+v, which is %q", s, p, fileName(p))
		}
		if number < 0 || number > maxPart || size < 0 {
			return
		}
		for _, ended := range []bool{false, true} {
			p := Part{Number: number, Name: fitName(s), Ended: ended}
			if ended {
				p.Size = size
			}
			name := fileName(p)
			if back, ok := parseFileName(name); !ok || back != p {
				t.Errorf("%+v became %q and that %+v", p, name, back)
			}
			if len(name) > 255 || name != filepath.Base(name) || strings.ContainsAny(name, "\x00\n") {
				t.Errorf("%q is no name for a file", name)
			}
		}
	})
}
