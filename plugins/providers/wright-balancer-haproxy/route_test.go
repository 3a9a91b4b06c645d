package main

import (
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/balancer"
)

func specOf(name string, targets ...balancer.Target) balancer.Spec {
	return balancer.Spec{Name: name, Targets: targets, Tags: map[string]string{plugins.InstallationTag: "me"}}
}

func fragmentOf(t *testing.T, s balancer.Spec, resolvers string) fragment {
	t.Helper()
	r, o, err := newRoute(s, resolvers)
	if err != nil {
		t.Fatal(err)
	}
	f, err := render(r, o, resolvers)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestRender(t *testing.T) {
	s := specOf("Shop.Example.test.", balancer.Target{Address: "192.0.2.1", Port: 8080}, balancer.Target{Address: "2001:db8:0:0::1", Port: 80}, balancer.Target{Address: "app.internal.", Port: 81})
	s.Config = map[string]any{"balance": "leastconn", "check": "/healthz?deep=1", "timeout": "90s"}
	f := fragmentOf(t, s, "mydns")
	want := `# wright: {"name":"shop.example.test","tags":{"wright-installation":"me"},"targets":[{"address":"192.0.2.1","port":8080},{"address":"2001:db8:0:0::1","port":80},{"address":"app.internal.","port":81}]}
# Written by wright-balancer-haproxy, which also takes it away: leave it as it is.
backend wright:shop.example.test
  mode http
  balance leastconn
  timeout server 90000ms
  option httpchk GET /healthz?deep=1
  default-server check inter 2s
  server VERSION-1 ipv4@192.0.2.1:8080
  server VERSION-2 ipv6@2001:db8::1:80
  server VERSION-3 app.internal:81 resolvers mydns init-addr last,none
`
	if got := strings.ReplaceAll(f.text, f.version, "VERSION"); got != want {
		t.Errorf("the file is\n%s\nit must be\n%s", got, want)
	}
	r, err := parse([]byte(f.text))
	if err != nil || !reflect.DeepEqual(r.public(), balancer.Route{Name: "shop.example.test", Targets: s.Targets, Tags: s.Tags}) {
		t.Errorf("it is read as %+v, %v", r.public(), err)
	}
}

// What is served changes with each of these, so the version must.
func TestVersionsDiffer(t *testing.T) {
	versions := map[string]string{}
	one := balancer.Target{Address: "192.0.2.1", Port: 8080}
	for name, change := range map[string]func(*balancer.Spec){
		"as it is": func(*balancer.Spec) {},
		"port":     func(s *balancer.Spec) { s.Targets = []balancer.Target{{Address: "192.0.2.1", Port: 8081}} },
		"targets":  func(s *balancer.Spec) { s.Targets = []balancer.Target{one, one} },
		"tags":     func(s *balancer.Spec) { s.Tags = map[string]string{plugins.InstallationTag: "me", "a": "b"} },
		"balance":  func(s *balancer.Spec) { s.Config = map[string]any{"balance": "source"} },
		"check":    func(s *balancer.Spec) { s.Config = map[string]any{"check": "/"} },
		"timeout":  func(s *balancer.Spec) { s.Config = map[string]any{"timeout": "1s"} },
	} {
		s := specOf("a.test", one)
		change(&s)
		v := fragmentOf(t, s, "").version
		if other, ok := versions[v]; ok {
			t.Errorf("%q and %q have the same version", name, other)
		}
		versions[v] = name
	}
}

func TestRefusals(t *testing.T) {
	good := balancer.Target{Address: "192.0.2.1", Port: 80}
	tests := []struct {
		name      string
		target    balancer.Target
		config    map[string]any
		resolvers string
		code      plugins.Code
	}{
		{"a.test\nbackend x", good, nil, "", plugins.Invalid},
		{"a b.test", good, nil, "", plugins.Invalid},
		{"a.test", balancer.Target{Address: "fe80::1%eth0", Port: 80}, nil, "r", plugins.Unsupported},
		{"a.test", balancer.Target{Address: "fe80::1%x\n  server evil 192.0.2.9:80", Port: 80}, nil, "r", plugins.Unsupported},
		{"a.test", balancer.Target{Address: "app.test", Port: 80}, nil, "", plugins.Unsupported},
		{"a.test", balancer.Target{Address: "app.test check\n", Port: 80}, nil, "r", plugins.Invalid},
		{"a.test", good, map[string]any{"check": "healthz"}, "", plugins.Invalid},
		{"a.test", good, map[string]any{"check": "/a b"}, "", plugins.Invalid},
		{"a.test", good, map[string]any{"check": "/a\nserver evil"}, "", plugins.Invalid},
		{"a.test", good, map[string]any{"check": "/${HOME}"}, "", plugins.Invalid},
		{"a.test", good, map[string]any{"check": "/\""}, "", plugins.Invalid},
		{"a.test", good, map[string]any{"timeout": "25h"}, "", plugins.Invalid},
		{"a.test", good, map[string]any{"timeout": "1us"}, "", plugins.Invalid},
	}
	for _, tt := range tests {
		s := specOf(tt.name, tt.target)
		s.Config = tt.config
		if _, _, err := newRoute(s, tt.resolvers); plugins.CodeOf(err) != tt.code {
			t.Errorf("%q to %q with %v: %v, want the code %q", tt.name, tt.target.Address, tt.config, err, tt.code)
		}
	}
}

func TestFileNames(t *testing.T) {
	label := strings.Repeat("a", 60)
	long := label + "." + label + "." + label + "."
	names := []string{"a.test", "*.a.test", "_a.test", "a.a.test", long + "b.test", long + "c.test", "*." + long + "b.test", label + "." + label + "." + label[:50] + ".test"}
	seen, backends := map[string]string{}, map[string]string{}
	for _, name := range names {
		f := fileOf(name)
		if other, ok := seen[f]; ok {
			t.Errorf("%s and %s have the same file", name, other)
		}
		if other, ok := backends[backendOf(name)]; ok {
			t.Errorf("%s and %s have the same backend", name, other)
		}
		if len(stagedPrefix+f) > 255 || strings.ContainsAny(f, "/*") || strings.HasPrefix(f, ".") || !strings.HasSuffix(f, ".cfg") {
			t.Errorf("%s: %q is no name for a file that HAProxy reads", name, f)
		}
		seen[f], backends[backendOf(name)] = name, name
	}
}

func TestDecide(t *testing.T) {
	f := fragmentOf(t, specOf("a.test", balancer.Target{Address: "192.0.2.1", Port: 80}), "")
	theirs := strings.Replace(f.text, `"me"`, `"you"`, 1)
	tests := []struct {
		what          string
		before        string
		wanted        *fragment
		ours, changes bool
		code          plugins.Code
	}{
		{"new", "", &f, true, true, ""},
		{"there already", f.text, &f, true, false, ""},
		{"another version", f.text + "#", &f, true, true, ""},
		{"somebody else's", theirs, &f, false, false, plugins.Exists},
		{"a person's", "backend wright:a.test\n", &f, false, false, plugins.Exists},
		{"of another name", strings.Replace(f.text, "a.test", "b.test", 1), &f, false, false, plugins.Exists},
		{"delete", f.text, nil, true, true, ""},
		{"delete the missing", "", nil, true, false, ""},
		{"delete somebody else's", theirs, nil, false, false, ""},
		{"delete a person's", "backend wright:a.test\n", nil, false, false, ""},
	}
	for _, tt := range tests {
		var before []byte
		if tt.before != "" {
			before = []byte(tt.before)
		}
		e, ours, err := decide(before, change{name: "a.test", installation: "me", wanted: tt.wanted})
		if ours != tt.ours || ours && e.changes() != tt.changes || plugins.CodeOf(err) != tt.code {
			t.Errorf("%s: ours %v, changes %v, %v", tt.what, ours, e.changes(), err)
		}
	}
}

// Whatever a file holds, reading it does not fail badly, and what is written is
// read back, on one line.
func FuzzParse(f *testing.F) {
	f.Add([]byte(marker+`{"name":"a.test","tags":{"wright-installation":"me"}}`), "me", "k", "v")
	f.Add([]byte(marker+`{"name":"A.test"}`+"\n"), "# wright: ", "\u2028", "\"\\")
	f.Fuzz(func(t *testing.T, text []byte, installation, key, value string) {
		if r, err := parse(text); err == nil {
			if n, err := normal(r.Name); err != nil || n != r.Name || r.Tags[plugins.InstallationTag] == "" {
				t.Errorf("%q is read as %+v", text, r)
			}
		}
		tags := map[string]string{key: value, plugins.InstallationTag: installation}
		if installation == "" || plugins.CheckTags(tags) != nil {
			return
		}
		made, err := render(route{Name: "a.test", Tags: tags, Targets: []target{{"192.0.2.1", 80}}}, options{}, "")
		if err != nil {
			t.Fatal(err)
		}
		r, err := parse([]byte(made.text))
		if err != nil || !maps.Equal(r.Tags, tags) || strings.Count(made.text, "\n") != 6 {
			t.Errorf("%q became %q, %v:\n%s", tags, r.Tags, err, made.text)
		}
	})
}
