package detect

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

func readTOML(text string) (*node, []string) {
	r := &tomlReader{text: text, line: 1, root: &node{shape: isTable, line: 1}}
	var errs []string
	r.read(func(line int, err error) { errs = append(errs, fmt.Sprintf("%d: %v", line, err)) })
	return r.root, errs
}

// outline is what a tree holds: the texts, lists and tables of it.
func (n *node) outline() any {
	switch n.shape {
	case isText:
		return n.text
	case isList:
		all := []any{}
		for _, item := range n.items {
			all = append(all, item.outline())
		}
		return all
	case isTable:
		all := map[string]any{}
		for key, member := range n.named {
			all[key] = member.outline()
		}
		return all
	}
	return nil
}

// decoded is the same of what a decoder made.
func decoded(v any) any {
	switch v := v.(type) {
	case string:
		return v
	case map[string]any:
		all := map[string]any{}
		for key := range maps.Keys(v) {
			all[key] = decoded(v[key])
		}
		return all
	case []map[string]any:
		all := []any{}
		for _, item := range v {
			all = append(all, decoded(item))
		}
		return all
	case []any:
		all := []any{}
		for _, item := range v {
			all = append(all, decoded(item))
		}
		return all
	}
	return nil
}

// checkTOML holds that a text that is TOML is read as what it is.
func checkTOML(t *testing.T, text string) {
	t.Helper()
	var want map[string]any
	if _, err := toml.Decode(text, &want); err != nil || !utf8.ValidString(text) { // the decoder skips some marks of byte order
		return
	}
	n, errs := readTOML(text)
	got, _ := json.Marshal(n.outline())
	expected, _ := json.Marshal(decoded(want))
	if len(errs) > 0 || string(got) != string(expected) {
		t.Errorf("%q:\ngot  %s %v\nwant %s", text, got, errs, expected)
	}
}

func TestTOML(t *testing.T) {
	for _, text := range []string{
		"", "a = 1", "a = 'x'\nb = \"y\"", "a.b.c = 'x'", "a.\"b c\".'d' = 'x'", "[a]\nb = 'x'\n[a.c]\nd = 'y'\n",
		"[[a]]\nb = 'x'\n[[a]]\nb = 'y'\n[a.c]\nd = 'z'\n[[a.e]]\nf = 'g'\n", "a = ['x', 'y',\n # c\n 'z',\n]", "a = {b = 'x', c.d = 'y'}",
		`a = "x\ty\"z\\ \u00e9 \U0001F600"`, "a = \"\"\"\nx\ny\\\n   z\"\"\"", "a = '''\nx'y''z'''", "a = \"\"\"x\"\"\"\"\"", "a = [[1, 2], ['x']]",
		"a = [{b = 'x'}, {b = 'y'}]", "a = 1979-05-27T07:32:00Z # c\nb = 'x'", "a = true\r\nb = 'x'\r\n", "[ a . b ]\nc = 'x'", "a = ''\nb = \"\"",
		"a = \"\"\"\r\nx\r\ny\\\r\n  z\"\"\"\r\nb = '''\r\nx'''",
	} {
		var v any
		if _, err := toml.Decode(text, &v); err != nil {
			t.Errorf("%q is no TOML: %v", text, err)
		}
		checkTOML(t, text)
	}
}

func TestTOMLLines(t *testing.T) {
	n, errs := readTOML("# c\na = 'x'\n[t]\nb = [\n  'y',\n  {c = '''\nz''', d = 'w'},\n]\n?\ne = 'v'\nf = 'open\n[g]\nh = 'u'\n")
	want := map[string]int{"x": 2, "y": 5, "\nz": 6, "z": 6, "w": 7, "v": 10, "u": 13}
	n.each(nil, func(_ []string, n *node) {
		if n.shape == isText && want[n.text] != n.line {
			t.Errorf("%q is in line %d, not %d", n.text, want[n.text], n.line)
		}
		delete(want, n.text)
	})
	delete(want, "\nz")
	if len(want) > 0 {
		t.Errorf("not found: %v", slices.Collect(maps.Keys(want)))
	}
	if len(errs) != 2 || !strings.HasPrefix(errs[0], "9: ") || !strings.HasPrefix(errs[1], "11: ") {
		t.Errorf("errors %q", errs)
	}
}

func FuzzTOML(f *testing.F) {
	for _, s := range languageSamples() {
		if strings.HasSuffix(s.path, ".toml") {
			f.Add(s.text)
		}
	}
	f.Fuzz(checkTOML)
}
