package past

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func facts(numbers ...int64) (all []Fact) {
	for _, n := range numbers {
		all = append(all, Fact{n, fmt.Sprint("f", n), fmt.Appendf(nil, `{"n":%d}`, n)})
	}
	return all
}

func numbers(all []Fact) (n []int64) {
	for _, f := range all {
		n = append(n, f.Number)
	}
	return n
}

func add1(t *testing.T, p *Past, instance string, all ...Fact) {
	t.Helper()
	if err := p.Add("done", instance, all); err != nil {
		t.Fatal(err)
	}
}

func newest(t *testing.T, p *Past, instance string, before int64, limit int) []int64 {
	t.Helper()
	all, err := p.Newest("done", instance, before, limit)
	if err != nil {
		t.Fatal(err)
	}
	return numbers(all)
}

func TestWhatIsKeptIsFound(t *testing.T) {
	p := Open(filepath.Join(t.TempDir(), "history"))
	if got := newest(t, p, "shop", 0, 9); got != nil {
		t.Errorf("of nothing: %v", got)
	}
	add1(t, p, "shop", facts(3, 1, 499, 500, 1700)...)
	add1(t, p, "shop", facts(2, 1701)...)
	add1(t, p, "shop-2", facts(9)...)
	for _, c := range []struct {
		before int64
		limit  int
		want   []int64
	}{
		{0, 3, []int64{1701, 1700, 500}},
		{0, 99, []int64{1701, 1700, 500, 499, 3, 2, 1}},
		{500, 2, []int64{499, 3}},
		{501, 1, []int64{500}},
		{1, 9, nil},
		{0, 0, nil},
	} {
		if got := newest(t, p, "shop", c.before, c.limit); !slices.Equal(got, c.want) {
			t.Errorf("at most %d before %d: %v, want %v", c.limit, c.before, got, c.want)
		}
	}
	for name, want := range map[string]string{"f500": `{"n":500}`, "f501": ""} {
		if got, err := p.Find("done", "shop", 500, name); err != nil || string(got) != want {
			t.Errorf("%s is %s, %v", name, got, err)
		}
	}
}

func TestTheLastValueCounts(t *testing.T) {
	p := Open(t.TempDir())
	add1(t, p, "shop", facts(1, 2)...)
	add1(t, p, "shop", Fact{1, "f1", []byte(`"again"`)})
	all, err := p.Newest("done", "shop", 0, 9)
	if err != nil || len(all) != 2 || string(all[1].Value) != `"again"` {
		t.Errorf("kept %v, %v", all, err)
	}
}

func TestForget(t *testing.T) {
	p := Open(t.TempDir())
	add1(t, p, "shop", facts(1)...)
	add1(t, p, "shop-2", facts(1)...)
	if err := p.Forget("done", "shop"); err != nil {
		t.Fatal(err)
	}
	if a, b := newest(t, p, "shop", 0, 9), newest(t, p, "shop-2", 0, 9); len(a) != 0 || len(b) != 1 {
		t.Errorf("left are %v, %v", a, b)
	}
}

// A power cut leaves any part of what was being written; what is written after
// it is whole again.
func TestALineThatWasCutOff(t *testing.T) {
	whole := appendLine(nil, facts(2)[0])
	for cut := range len(whole) - 1 { // but for its end it is whole
		dir := t.TempDir()
		p := Open(dir)
		add1(t, p, "shop", facts(1)...)
		path := filepath.Join(dir, "done", "shop", fileName(0))
		text, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, append(text, whole[:cut]...), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := newest(t, p, "shop", 0, 9); !slices.Equal(got, []int64{1}) {
			t.Fatalf("cut off after %d bytes: %v", cut, got)
		}
		add1(t, p, "shop", facts(3)...)
		if got := newest(t, p, "shop", 0, 9); !slices.Equal(got, []int64{3, 1}) {
			t.Fatalf("cut off after %d bytes, and more added: %v", cut, got)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	p := Open(t.TempDir())
	for _, name := range []string{"", "..", "a/b", "A"} {
		if p.Add("done", name, facts(1)) == nil || p.Forget("done", name) == nil {
			t.Errorf("an instance %q", name)
		}
		if _, err := p.Newest("done", name, 0, 1); err == nil {
			t.Errorf("an instance %q", name)
		}
	}
	for _, f := range []Fact{{1, "a b", nil}, {1, "", nil}, {1, "a", []byte("a\nb")}, {-1, "a", nil}} {
		if p.Add("done", "shop", []Fact{f}) == nil {
			t.Errorf("a fact %v", f)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(appendLine(nil, facts(7)[0]))
	f.Add([]byte("00000000 1 a {}\nx\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var again []byte
		all := parse(text)
		for _, fact := range all {
			again = appendLine(again, fact)
		}
		if back := parse(again); !slices.EqualFunc(all, back, func(a, b Fact) bool {
			return a.Number == b.Number && a.Name == b.Name && bytes.Equal(a.Value, b.Value)
		}) {
			t.Errorf("%v became %v", all, back)
		}
	})
}
