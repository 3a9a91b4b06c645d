package manifests

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

const step = "[[step]]\nrun = \"true\"\n"

// Files that are absurd as a whole: one error, at the right place.
func TestAbsurd(t *testing.T) {
	deep := func(n int) string { return "x = " + strings.Repeat("[", n) + strings.Repeat("]", n) + "\n" }
	dotted := strings.TrimSuffix(strings.Repeat("a.", 100000), ".")
	tests := []struct {
		name, text, want string
	}{
		{"too large", step + strings.Repeat("#", maxFile), "shop.toml:1:1: the file has more than 262144 bytes"},
		{"UTF-8 mark", "\xef\xbb\xbf" + step, "shop.toml:1:1: the file begins with a byte order mark: save it as UTF-8 without byte order mark"},
		{"UTF-16 LE", "\xff\xfe[\x00[\x00", "shop.toml:1:1: the file looks like UTF-16: save it as UTF-8 without byte order mark"},
		{"UTF-16 without mark", "[\x00[\x00s\x00", "shop.toml:1:1: the file looks like UTF-16: save it as UTF-8 without byte order mark"},
		{"Latin-1", "# gr\xfcn\n" + step, "shop.toml:1:5: the byte 0xfc is not UTF-8: save it as UTF-8 without byte order mark"},
		{"deep array", step + deep(1000), "shop.toml:3:37: tables and arrays nest too deep"},
		{"deep table", step + "x = " + strings.Repeat("{a=", 50000), "shop.toml:3:101: tables and arrays nest too deep"},
		{"deep key", step + dotted + " = 1", "shop.toml:3:65: tables and arrays nest too deep"},
		{"deep header", "[" + dotted + "]", "shop.toml:1:66: tables and arrays nest too deep"},
		{"deep after an error", "= 1\n" + dotted + " = 1", "shop.toml:1:1: want a key"},
		{"long string", step + "dir = '" + strings.Repeat("x", maxString+1) + "'", "shop.toml:3:7: dir: the string is 65537 bytes long, at most 65536 are allowed"},
		{"steps", strings.Repeat("[[step]]\nrun='a'\n", maxSteps+1), "shop.toml:2001:3: step: 1001 of them, at most 1000 are allowed"},
		{"characters", "# ä\n" + `step = [{ run = "ä", x = 1 }]`, `shop.toml:2:22: unknown key "x": known here: name, run, shell, when, timeout, silence, env, dir`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse("shop.toml", []byte(test.text))
			var all Errors
			if !errors.As(err, &all) || all[0].Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestErrorsAreBounded(t *testing.T) {
	var b strings.Builder
	for i := range 500 {
		fmt.Fprintf(&b, "zzz%d = 1\n", i)
	}
	_, err := Parse("shop.toml", []byte(b.String()))
	var all Errors
	if !errors.As(err, &all) || len(all) != maxErrors {
		t.Fatalf("got %d errors", len(all))
	}
	if last := all[maxErrors-1]; last.Message != "451 more errors from here on" || last.Line != 50 {
		t.Errorf("the last one is %v", last)
	}
	for i, e := range all {
		if e.Line != i+1 {
			t.Errorf("error %d is in line %d", i, e.Line)
		}
	}
	var one *Error
	if !errors.As(err, &one) || one.Key != "zzz0" {
		t.Errorf("the first error is %v", one)
	}
}

func TestErrorsKeepSecrets(t *testing.T) {
	for _, url := range []string{"https://u:hunter2@h/p", "u:hunter2@h:p", "https://u:hunter2@h/p\u202e", "https://u:hunter2@[/p", "ftp://u:hunter2@h/p"} {
		err := CheckURL("git", url)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestInterval(t *testing.T) {
	const day = 24 * time.Hour
	good := map[string]time.Duration{
		"90s": 90 * time.Second, "1h30m": 90 * time.Minute,
		"P1D": day, "P4DT1H15M20S": 4*day + time.Hour + 15*time.Minute + 20*time.Second, "P2W": 14 * day, "PT0.5H": 30 * time.Minute,
		"1 00:00:00": day, "0 00:00:01.5": 1500 * time.Millisecond, "04:05:06": 4*time.Hour + 5*time.Minute + 6*time.Second,
		"3 days 04:05:06": 3*day + 4*time.Hour + 5*time.Minute + 6*time.Second, "3 days": 3 * day, "1 day, 00:00:30.000001": day + 30*time.Second + time.Microsecond,
	}
	for s, want := range good {
		if got, err := parseInterval(s); err != nil || got != want {
			t.Errorf("%q: got %v, %v, want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "P", "PT", "P1DT", "P1Y", "P1M", "P-1D", "p1d", "P1H", "PT1D", "PT1S1M", "P²D", "1", "100:00", "15:30", "1 00:60:00",
		"1 00:00:60", "100:00:00:00", "3 daysx", "days", "99999999999999999999 00:00:00", "P9999999999999D", "100:00:00 ", "1:2:3"} {
		if got, err := parseInterval(s); err == nil {
			t.Errorf("%q is taken for %v", s, got)
		}
	}
}

func TestNearest(t *testing.T) {
	candidates := []string{"branch", "git", "revision", "submodules"}
	for key, want := range map[string]string{"brach": "branch", "barnch": "branch", "Branch": "branch", "gti": "git", "submodule": "submodules", "revison": "revision", "x": "", "url": "", "name": "", "": ""} {
		if got := nearest(key, candidates); got != want {
			t.Errorf("%q: got %q, want %q", key, got, want)
		}
	}
}

func TestParseRequirement(t *testing.T) {
	for s, want := range map[string]Requirement{
		"docker":               {Name: "docker"},
		"postgresql >= 14":     {Name: "postgresql", Constraint: ">= 14"},
		"go>=1.20,<2":          {Name: "go", Constraint: ">= 1.20, < 2"},
		"postgresql >= 14 <17": {Name: "postgresql", Constraint: ">= 14, < 17"},
		" g++ ~> 12 ":          {Name: "g++", Constraint: "~> 12"},
		"python == 3.11":       {Name: "python", Constraint: "= 3.11"},
		`gpu == "a100"`:        {Name: "gpu", Value: "a100"},
		`gpu!='a100'`:          {Name: "gpu", Value: "a100", Not: true},
	} {
		if got, err := ParseRequirement(s); err != nil || got != want {
			t.Errorf("%q: got %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", " ", ">= 14", "a b", "a >=", "a >= b", "a >= 1 <", "a >= 1 x", "-a", "a;b", strings.Repeat("a", maxName+1),
		`a == "`, `a == ""`, `a >= "x"`, `a == "x" y`, `a == "x y"`, `a == "x'`, "a == \"\u200b\""} {
		if got, err := ParseRequirement(s); err == nil {
			t.Errorf("%q is taken: %+v", s, got)
		}
	}
}

// Every key that is documented is read: a date, which no key takes, is refused
// at each of them.
func TestKeysAreRead(t *testing.T) {
	arrays := make(map[string]bool)
	for _, doc := range Keys() {
		arrays[doc.Path] = doc.Type == "array of tables"
		if doc.Doc == "" || doc.Type == "" {
			t.Errorf("%s has no type or no line", doc.Path)
		}
	}
	for _, doc := range Keys() {
		parts := strings.Split(strings.Replace(doc.Path, provider, "acme", 1), ".")
		text := parts[len(parts)-1] + " = 1979-05-27"
		if parts[len(parts)-1] == "acme" {
			text += `, cloud = "acme", provider = "acme"`
		}
		for i := len(parts) - 2; i >= 0; i-- {
			form := "%s = { %s }"
			if arrays[strings.Join(parts[:i+1], ".")] {
				form = "%s = [{ %s }]"
			}
			text = fmt.Sprintf(form, parts[i], text)
		}
		_, err := Parse("shop.toml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), parts[len(parts)-1]+": want") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Whatever the text, Parse returns a manifest or errors that say where.
func FuzzParse(f *testing.F) {
	seedGolden(f)
	f.Add([]byte("a.b.c = [[1], {x = 1, \"\\u0041\" = '''y'''}]\n[[a.d]]\n[a.d.e]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := Parse("shop.toml", text)
		if err != nil {
			checkErrors(t, err, text)
		} else if m == nil {
			t.Fatal("neither a manifest nor an error")
		}
		checkLocated(t, text)
	})
}

func checkErrors(t *testing.T, err error, text []byte) {
	t.Helper()
	var all Errors
	if !errors.As(err, &all) || len(all) == 0 || len(all) > maxErrors {
		t.Fatalf("the error is %T: %v", err, err)
	}
	for _, e := range all {
		if e.File == "" || e.Line < 1 || e.Column < 1 || e.Line > bytes.Count(text, []byte("\n"))+1 {
			t.Errorf("%v is nowhere", e)
		}
		if e.Message == "" || strings.ContainsAny(e.Error(), "\n\r\x00") || !utf8.ValidString(e.Error()) {
			t.Errorf("%q is not one good line", e.Error())
		}
	}
}

// checkLocated holds the scanner to the decoder: what one decodes, the other
// finds, key by key.
func checkLocated(t *testing.T, text []byte) {
	t.Helper()
	if checkText("x", text) != nil {
		return
	}
	s, err := scan(string(text))
	if err != nil {
		if errors.Is(err, errTooDeep) || !mayDecode(string(text)) {
			return
		}
	}
	values, decodeErr := unmarshal(string(text))
	if decodeErr != nil {
		return
	}
	if err != nil {
		t.Fatalf("decoded, but the scanner says: %v", err)
	}
	compare(t, "", values, &s.root)
}

func compare(t *testing.T, path string, v any, n *node) {
	switch v := v.(type) {
	case map[string]any:
		for key := range v {
			if n.keys[key] == nil {
				if len(n.keys) >= len(v) {
					continue // an escape that the scanner leaves alone
				}
				t.Fatalf("%s.%q is decoded, but not located", path, key)
			}
			compare(t, path+"."+key, v[key], n.keys[key])
		}
	case []any:
		if len(v) != len(n.items) {
			t.Fatalf("%s has %d items, %d are located", path, len(v), len(n.items))
		}
		for i := range v {
			compare(t, path, v[i], n.items[i])
		}
	case []map[string]any:
		if len(v) != len(n.items) {
			t.Fatalf("%s has %d tables, %d are located", path, len(v), len(n.items))
		}
		for i := range v {
			compare(t, path, v[i], n.items[i])
		}
	}
}
