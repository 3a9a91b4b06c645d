package rrset

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns"
)

func TestNormal(t *testing.T) {
	label := strings.Repeat("x", 60)
	long := strings.Join([]string{label, label, label, label}, ".") // 243 bytes
	tests := []struct{ domain, want string }{
		{"Shop.Example.TEST.", "shop.example.test"},
		{"*.Shop.test", "*.shop.test"},
		{"_acme-challenge.shop.test", "_acme-challenge.shop.test"},
		{long, long},
		{"xx." + long, ""}, // its marker would be too long
		{"_wright.shop.test", ""},
		{"_WRIGHT.shop.test", ""},
		{"_wright-wildcard.shop.test", ""},
		{"*._wright.shop.test", ""},
		{"a b", ""},
		{"", ""},
	}
	for _, tt := range tests {
		got, err := Normal(tt.domain)
		if got != tt.want || (err == nil) != (tt.want != "") || err != nil && plugins.CodeOf(err) != plugins.Invalid {
			t.Errorf("%q: %q, %v; want %q", tt.domain, got, err, tt.want)
		}
	}
}

func TestZone(t *testing.T) {
	zones := []string{"example.test", "Sub.Example.test.", "test2"}
	for domain, want := range map[string]string{
		"example.test": "example.test", "shop.example.test": "example.test", "a.sub.example.test": "sub.example.test", "sub.example.test": "sub.example.test",
		"notsub.example.test": "example.test", "badexample.test": "", "test": "", "x.test2": "test2",
	} {
		got, err := Zone(domain, zones)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v; want %q", domain, got, err, want)
		}
	}
}

func TestParse(t *testing.T) {
	tests := []struct {
		name    string
		records []dns.Record
		code    plugins.Code
		want    []Set
	}{
		{"none", nil, "", nil},
		{"defaults and order", []dns.Record{{Type: "txt", Value: "b"}, {Type: "A", Value: "192.0.2.2"}, {Type: "A", Value: "192.0.2.1"}, {Type: "A", Value: "192.0.2.2"}}, "",
			[]Set{{"A", 60, []string{"192.0.2.1", "192.0.2.2"}}, {"TXT", 60, []string{"b"}}}},
		{"one form", []dns.Record{{Type: "AAAA", Value: "2001:DB8:0:0::1", TTL: time.Hour}}, "", []Set{{"AAAA", 3600, []string{"2001:db8::1"}}}},
		{"alias", []dns.Record{{Type: "CNAME", Value: "Host.Example.Test."}}, "", []Set{{"CNAME", 60, []string{"host.example.test"}}}},
		{"quoted text", []dns.Record{{Type: "TXT", Value: `"a\"b" "c\065"`}}, "", []Set{{"TXT", 60, []string{`a"bcA`}}}},
		{"text with quotes in it", []dns.Record{{Type: "TXT", Value: `say "hi"!`}}, "", []Set{{"TXT", 60, []string{`say "hi"!`}}}},
		{"a quote too many", []dns.Record{{Type: "TXT", Value: `"a"b"`}}, plugins.Invalid, nil},
		{"escaped control character", []dns.Record{{Type: "TXT", Value: `"a\010b"`}}, plugins.Invalid, nil},
		{"an alias beside an address", []dns.Record{{Type: "A", Value: "192.0.2.1"}, {Type: "CNAME", Value: "x.test"}}, plugins.Invalid, nil},
		{"two aliases", []dns.Record{{Type: "CNAME", Value: "y.test"}, {Type: "CNAME", Value: "x.test"}}, plugins.Invalid, nil},
		{"an alias for itself", []dns.Record{{Type: "CNAME", Value: "SHOP.test."}}, plugins.Invalid, nil},
		{"an alias for a wildcard", []dns.Record{{Type: "CNAME", Value: "*.x.test"}}, plugins.Invalid, nil},
		{"two TTLs", []dns.Record{{Type: "A", Value: "192.0.2.1", TTL: time.Hour}, {Type: "A", Value: "192.0.2.2"}}, plugins.Invalid, nil},
		{"a mapped address", []dns.Record{{Type: "AAAA", Value: "::ffff:192.0.2.1"}}, plugins.Invalid, nil},
		{"another type", []dns.Record{{Type: "MX", Value: "10 x.test."}}, plugins.Unsupported, nil},
	}
	for _, tt := range tests {
		got, err := Parse("shop.test", tt.records, time.Minute)
		if plugins.CodeOf(err) != tt.code || !slices.EqualFunc(got, tt.want, Set.Equal) {
			t.Errorf("%s: %v, %v; want %v, %q", tt.name, got, err, tt.want, tt.code)
		}
	}
}

func TestMarker(t *testing.T) {
	for _, domain := range []string{"shop.example.test", "*.shop.test", "test"} {
		name := MarkerName(domain)
		if got, ok := MarkedDomain(name); !ok || got != domain || strings.Contains(name, "*") {
			t.Errorf("%s: %s leads back to %q, %v", domain, name, got, ok)
		}
	}
	if domain, ok := MarkedDomain("shop.test"); ok {
		t.Errorf("shop.test marks %q", domain)
	}
	const good = "wright1 shop.test A,TXT wright-installation=7f3a&instance=shop"
	for text, ok := range map[string]bool{
		good: true,
		"wright1 shop.test - wright-installation=7f3a": true,
		"wright1 shop.test A instance=shop":            false, // nobody's
		"wright1 other.test A wright-installation=7f":  false, // a wildcard's answer
		"wright1 shop.test MX wright-installation=7f":  false,
		"wright1 shop.test A wright-installation=7f x": false,
		"wright1 shop.test A wright-installation=%zz":  false,
		"wright1 shop.test A wright-installation=%00":  false,
		"wright2 shop.test A wright-installation=7f":   false,
		"": false,
	} {
		if _, got := ParseMarker("shop.test", text); got != ok {
			t.Errorf("%q is a marker: %v", text, got)
		}
	}
}

const me = "me"

func tagsOf(installation string) map[string]string {
	return map[string]string{plugins.InstallationTag: installation, "instance": "shop"}
}

func mark(installation string, types ...string) []string {
	return []string{Marker{Domain: "shop.test", Types: types, Tags: tagsOf(installation)}.String()}
}

func a(values ...string) Set     { return Set{"A", 60, values} }
func cname(values ...string) Set { return Set{"CNAME", 60, values} }

// show is a plan in one line: "first; data; last".
func show(p Plan) string {
	var parts []string
	one := func(c Change) string {
		if c.Name != "shop.test" && len(c.Set.Values) > 0 {
			m, _ := ParseMarker("shop.test", c.Set.Values[0])
			return "mark " + strings.Join(m.Types, ",")
		}
		if len(c.Set.Values) == 0 {
			return "no " + map[bool]string{true: c.Set.Type, false: "mark"}[c.Name == "shop.test"]
		}
		return c.Set.Type + "=" + strings.Join(c.Set.Values, ",")
	}
	for _, c := range p.InTurn() {
		parts = append(parts, one(c))
	}
	var at []string
	for _, c := range p.AtOnce() {
		at = append(at, one(c))
	}
	return strings.Join(parts, "; ") + " | " + strings.Join(at, "; ")
}

func TestDecide(t *testing.T) {
	tests := []struct {
		name  string
		want  []Set
		found Found
		plan  string
		code  plugins.Code
	}{
		{"a new domain", []Set{a("1")}, Found{}, "mark A; A=1 | A=1; mark A", ""},
		{"the same again", []Set{a("1")}, Found{[]Set{a("1")}, mark(me, "A")}, " | ", ""},
		{"another value", []Set{a("2")}, Found{[]Set{a("1")}, mark(me, "A")}, "A=2 | A=2", ""},
		{"another TTL", []Set{{"A", 61, []string{"1"}}}, Found{[]Set{a("1")}, mark(me, "A")}, "A=1 | A=1", ""},
		{"one type more", []Set{a("1"), {"TXT", 60, []string{"x"}}}, Found{[]Set{a("1")}, mark(me, "A")}, "mark A,TXT; TXT=x | TXT=x; mark A,TXT", ""},
		{"one type less", []Set{a("1")}, Found{[]Set{a("1"), {"TXT", 60, []string{"x"}}}, mark(me, "A", "TXT")}, "no TXT; mark A | no TXT; mark A", ""},
		{"an address becomes an alias", []Set{cname("x")}, Found{[]Set{a("1")}, mark(me, "A")}, "mark A,CNAME; no A; CNAME=x; mark CNAME | no A; CNAME=x; mark CNAME", ""},
		{"records vanished", []Set{a("1")}, Found{nil, mark(me, "A")}, "A=1 | A=1", ""},
		{"interrupted after the mark", []Set{cname("x")}, Found{[]Set{a("1")}, mark(me, "A", "CNAME")}, "no A; CNAME=x; mark CNAME | no A; CNAME=x; mark CNAME", ""},
		{"beside a person's", []Set{a("1")}, Found{[]Set{{Type: "MX"}}, nil}, "mark A; A=1 | A=1; mark A", ""},
		{"beside signatures", []Set{cname("x")}, Found{[]Set{a("1"), {Type: "RRSIG"}}, mark(me, "A")}, "mark A,CNAME; no A; CNAME=x; mark CNAME | no A; CNAME=x; mark CNAME", ""},
		{"a person's address", []Set{a("1")}, Found{[]Set{a("9")}, nil}, "", plugins.Exists},
		{"a person's alias", []Set{a("1")}, Found{[]Set{cname("x")}, nil}, "", plugins.Exists},
		{"an alias beside a person's", []Set{cname("x")}, Found{[]Set{{Type: "MX"}}, nil}, "", plugins.Exists},
		{"an alias beside a person's and ours", []Set{cname("x")}, Found{[]Set{a("1"), {Type: "MX"}}, mark(me, "A")}, "", plugins.Exists},
		{"another installation's", []Set{a("1")}, Found{[]Set{a("9")}, mark("you", "A")}, "", plugins.Exists},
		{"a text that is no mark", []Set{a("1")}, Found{nil, []string{"hello"}}, "", plugins.Exists},
		{"a mark and a text", []Set{a("1")}, Found{nil, append(mark(me, "A"), "hello")}, "", plugins.Exists},
		{"delete", nil, Found{[]Set{a("1"), {Type: "MX"}}, mark(me, "A")}, "no A; no mark | no A; no mark", ""},
		{"delete what is half gone", nil, Found{nil, mark(me, "A")}, "no mark | no mark", ""},
		{"delete the missing", nil, Found{}, " | ", ""},
		{"delete a person's", nil, Found{[]Set{a("9")}, nil}, " | ", ""},
		{"delete another installation's", nil, Found{[]Set{a("9")}, mark("you", "A")}, " | ", ""},
	}
	for _, tt := range tests {
		p, err := Decide("shop.test", tagsOf(me), tt.want, 0, tt.found)
		if plugins.CodeOf(err) != tt.code || err == nil && show(p) != tt.plan {
			t.Errorf("%s: %q, %v; want %q, %q", tt.name, show(p), err, tt.plan, tt.code)
		}
	}
	if _, err := Decide("shop.test", map[string]string{"instance": "shop"}, []Set{a("1")}, 0, Found{}); plugins.CodeOf(err) != plugins.Invalid {
		t.Errorf("without an owner: %v", err)
	}
	huge := tagsOf(me)
	for i := range 10 {
		huge[strings.Repeat("k", i+1)] = strings.Repeat("v", 1000)
	}
	if _, err := Decide("shop.test", huge, []Set{a("1")}, 0, Found{}); plugins.CodeOf(err) != plugins.Invalid {
		t.Errorf("tags that are too long: %v", err)
	}
}

// What is written is read back, and nothing that is read leads astray.
func FuzzText(f *testing.F) {
	f.Add(`say "hi"; \ ünï`, `"a" "b\034\200"`)
	f.Add(strings.Repeat("x", 600), `"\25`)
	f.Fuzz(func(t *testing.T, text, content string) {
		quoted := Quote(text)
		if strings.ContainsFunc(quoted, func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Errorf("%q is not printable", quoted)
		}
		if got, err := Unquote(quoted); err != nil && len(quoted) <= maxContent || err == nil && got != text {
			t.Errorf("%q came back as %q, %v", text, got, err)
		}
		if plain, err := Unquote(content); err == nil && len(plain) > len(content) {
			t.Errorf("%q grew to %q", content, plain)
		}
		set, err := Parse("shop.test", []dns.Record{{Type: "TXT", Value: text}}, time.Minute)
		if err != nil {
			return
		}
		again, err := Parse("shop.test", set[0].Records(), time.Minute)
		if err != nil || !again[0].Equal(set[0]) {
			t.Errorf("%q was listed as %v, which is %v, %v", text, set[0].Records(), again, err)
		}
	})
}

func FuzzMarker(f *testing.F) {
	f.Add("wright1 shop.test A,TXT wright-installation=7f3a&instance=shop", "k", "v")
	f.Add("wright1 shop.test - wright-installation=%41+b&&=", "a b", "\n\"\\")
	f.Fuzz(func(t *testing.T, text, key, value string) {
		if m, ok := ParseMarker("shop.test", text); ok {
			if again, ok := ParseMarker("shop.test", m.String()); !ok || again.String() != m.String() {
				t.Errorf("%q came back as %q, %v", m, again, ok)
			}
		}
		tags := map[string]string{plugins.InstallationTag: "7f3a", key: value}
		if key == plugins.InstallationTag || plugins.CheckTags(tags) != nil {
			return
		}
		m := Marker{Domain: "shop.test", Types: []string{"A"}, Tags: tags}
		if strings.ContainsAny(m.String(), "\"\\\n\x00") || m.check() != nil {
			return
		}
		if got, ok := ParseMarker("shop.test", m.String()); !ok || got.Tags[key] != value || len(got.Tags) != len(tags) {
			t.Errorf("%q came back as %v, %v", m, got, ok)
		}
	})
}
