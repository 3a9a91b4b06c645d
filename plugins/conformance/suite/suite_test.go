package suite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
)

func TestParse(t *testing.T) {
	env := func(name string) (string, bool) { return "value of " + name, name != "MISSING" }
	s, err := parse("verify.toml", `
limit = "90s"
endpoint = "url"
many = 40
probe = "env"
person = "hand"
[settings]
url = "http://127.0.0.1:1"
password = "env:PW"
[settings.inner]
key = "env:KEY"
[config]
port = 80
[wrong]
password = "no"
[full]
project = "full"
[full-config]
size = "huge"
`, env)
	if err != nil || s.Limit != 90*time.Second || s.Endpoint != "url" || s.Many != 40 || s.Probe != "env" || s.Person != "hand" ||
		s.Settings["password"] != "value of PW" || s.Settings["inner"].(map[string]any)["key"] != "value of KEY" ||
		s.Config["port"] != int64(80) || s.Wrong["password"] != "no" || s.Full["project"] != "full" || s.FullConfig["size"] != "huge" {
		t.Errorf("got %+v, %v", s, err)
	}
	for text, want := range map[string]string{
		"x = 1":                                  "x is no key of it",
		"[setings]\na = 1":                       "setings",
		"limit = \"soon\"":                       "no positive duration",
		"limit = \"-1s\"":                        "no positive duration",
		"[settings]\npassword = \"env:MISSING\"": "the environment has no MISSING",
		"= 1":                                    "verify.toml",
		"settings = 1":                           "verify.toml",
	} {
		if _, err := parse("verify.toml", text, env); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gave %v, want %q", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("limit = \"1m\"\n[settings]\na = \"env:A\"\n[[settings.b]]\nc = 1")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parse("verify.toml", text, func(string) (string, bool) { return "x", true })
		if err == nil && s.Limit < 0 {
			t.Errorf("limit %v", s.Limit)
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := file("wright-cloud-x", 0o700)
	for _, tt := range []struct {
		subject Subject
		want    string
	}{
		{Subject{Binary: file("cloud-x", 0o700)}, "not called wright-KIND-NAME"},
		{Subject{Binary: file("wright-car-x", 0o700)}, "not called wright-KIND-NAME"},
		{Subject{Binary: file("wright-cloud-y", 0o600)}, "chmod +x"},
		{Subject{Binary: filepath.Join(dir, "wright-cloud-z")}, "no such file"},
		{Subject{Binary: good, Endpoint: "url"}, `the settings have no string "url"`},
	} {
		if _, err := Open(t.Context(), tt.subject, Options{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v gave %v, want %q", tt.subject, err, tt.want)
		}
	}
	if _, err := Run(t.Context(), Subject{Binary: good}, Options{Only: "["}); err == nil {
		t.Error("a pattern that is none was taken")
	}
	if _, err := Run(t.Context(), Subject{Binary: good}, Options{Only: "^nothing is called so$"}); err == nil {
		t.Error("a pattern that selects nothing was taken")
	}
}

// What is no plugin at all fails its checks, soon, and with words that help.
func TestNoPluginAtAll(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "wright-cloud-x")
	if err := os.WriteFile(binary, []byte("#!/bin/sh\necho hello\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	report, err := Run(t.Context(), Subject{Binary: binary, Limit: 5 * time.Second}, Options{Only: "^says what it is$|^create gives|^states"})
	if err != nil || report.Count(Failed) != 3 {
		t.Fatalf("%v, %+v", err, report)
	}
	if text := report.Results[0].Failures[0]; !strings.Contains(text, `"hello"`) || !strings.Contains(text, "1|PROTOCOL|unix|SOCKET|grpc|CERTIFICATE") {
		t.Error(text)
	}
}

// An interrupted run cleans up behind itself.
func TestInterrupted(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	ctx, cancel := context.WithCancel(t.Context())
	s := filesSubject(t, cloudReference(t, "files"))
	report, err := Run(ctx, s, Options{Only: "kill at every|^no time", Progress: func(Result) {}, Log: watcher{"created", cancel}})
	if err == nil || report.Count(Passed) > 1 || report.Count(Failed) > 0 || !strings.Contains(report.Summary(), "not all was checked") {
		t.Errorf("%v: %+v", err, report)
	}
	if left, _ := filepath.Glob(filepath.Join(tmp, "*")); len(left) > 1 { // but what the test itself has there
		t.Errorf("left behind: %v", left)
	}
}

// watcher calls f at the first output of a provider.
type watcher struct {
	text string
	f    func()
}

func (w watcher) Write(b []byte) (int, error) {
	if strings.Contains(string(b), "plugin started") {
		w.f()
	}
	return len(b), nil
}

func TestRedactor(t *testing.T) {
	schema := plugins.Schema{{Name: "login", Secret: true}, {Name: "region"}}
	r := newRedactor(schema,
		map[string]any{"login": `quo"ted`, "region": "europe", "api-key": "by its name", "keyboard": "no secret", "tokens": []any{"first", "second"}},
		map[string]any{"inner": map[string]any{"password": "deep down"}, "secret": map[string]any{"x": "of a map"}, "token": "abc"})
	for text, want := range map[string]string{
		`a quo"ted b`:                 "a [secret] b",
		`{"msg":"quo\"ted"}`:          `{"msg":"[secret]"}`,
		"europe no secret":            "europe no secret",
		"by its name":                 hidden,
		"first second deep down":      "[secret] [secret] [secret]",
		"of a map":                    hidden,
		"abc: too short to be hidden": "abc: too short to be hidden",
		"https://u:by%20its%20name@x": "https://u:[secret]@x",
		"q=by+its+name":               "q=[secret]",
		"Basic dTpieSBpdHMgbmFtZQ==":  "Basic dTp[secret]Q==", // what the last bits of it share with others stays
	} {
		if got := r.text(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
		if r.in(text) != (want != text) {
			t.Errorf("in(%q) = %v", text, r.in(text))
		}
	}
}

// What is short is part of many a path, of which the provider says nothing.
func TestSecretOfAPath(t *testing.T) {
	s := filesSubject(t, cloudReference(t, "files"))
	dir := filepath.Join(t.TempDir(), "main")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.Link(s.Binary, filepath.Join(dir, filepath.Base(s.Binary)))); err != nil {
		t.Fatal(err)
	}
	s.Binary = filepath.Join(dir, filepath.Base(s.Binary))
	s.Full = map[string]any{"room": 0, "password": "main"}
	s.Wrong = map[string]any{"password": "pid="}
	passes(t, s, "^create gives|^list of nothing")
}

func TestPoints(t *testing.T) {
	list := points(24, time.Second)
	if list[0] != 0 || list[23] < time.Second || list[23] > 1200*time.Millisecond {
		t.Errorf("from %v to %v", list[0], list[23])
	}
	for i := range 23 {
		if list[i] >= list[i+1] {
			t.Errorf("%v is not before %v", list[i], list[i+1])
		}
	}
}

func TestBadValues(t *testing.T) {
	s := plugins.Schema{
		{Name: "text"}, {Name: "one", OneOf: []string{"a"}}, {Name: "number", Type: plugins.TypeInteger, Min: plugins.Bound(1), Max: plugins.Bound(9)},
		{Name: "flag", Type: plugins.TypeBoolean}, {Name: "time", Type: plugins.TypeDuration}, {Name: "list", Type: plugins.TypeList},
		{Name: "table", Type: plugins.TypeTable, Fields: plugins.Schema{{Name: "x"}}}, {Name: "map", Type: plugins.TypeMap},
	}
	bad := badValues(s)
	if len(bad) != 11 {
		t.Errorf("%d values", len(bad))
	}
	for _, b := range bad {
		if _, errs := s.Check("config", map[string]any{b.field: b.value}); len(errs) == 0 {
			t.Errorf("the schema takes %s = %v (%s)", b.field, b.value, b.why)
		}
	}
}
