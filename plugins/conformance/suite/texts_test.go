package suite

import (
	"net/url"
	"strings"
	"testing"

	"github.com/wright-build/wright/plugins/balancer"
	"github.com/wright-build/wright/plugins/dns"
)

func TestRecordsAreComparedInOneForm(t *testing.T) {
	tests := []struct {
		a, b dns.Record
		same bool
	}{
		{dns.Record{Type: "A", Value: "192.0.2.1"}, dns.Record{Type: "a", Value: "192.0.2.1"}, true},
		{dns.Record{Type: "AAAA", Value: "2001:db8::1"}, dns.Record{Type: "AAAA", Value: "2001:0DB8:0:0:0:0:0:1"}, true},
		{dns.Record{Type: "CNAME", Value: "a.test"}, dns.Record{Type: "CNAME", Value: "A.test."}, true},
		{dns.Record{Type: "TXT", Value: "x y"}, dns.Record{Type: "TXT", Value: `"x y"`}, true},
		{dns.Record{Type: "TXT", Value: "x"}, dns.Record{Type: "TXT", Value: "X"}, false},
		{dns.Record{Type: "TXT", Value: `say "x"`}, dns.Record{Type: "TXT", Value: "say x"}, false},
		{dns.Record{Type: "A", Value: "192.0.2.1"}, dns.Record{Type: "A", Value: "192.0.2.2"}, false},
	}
	for _, tt := range tests {
		a, b := recordsText([]dns.Record{tt.a}), recordsText([]dns.Record{tt.b})
		if (a == b) != tt.same {
			t.Errorf("%s and %s: the same is %t", a, b, !tt.same)
		}
	}
	x, y := dns.Record{Type: "A", Value: "192.0.2.1"}, dns.Record{Type: "A", Value: "192.0.2.2"}
	if recordsText([]dns.Record{x, y}) != recordsText([]dns.Record{y, x}) || recordsText([]dns.Record{x, x}) == recordsText([]dns.Record{x}) {
		t.Error("the order matters, or the number does not")
	}
}

func TestTargetsAreComparedInOneForm(t *testing.T) {
	a := []balancer.Target{{Address: "::1", Port: 80}, {Address: "App.test.", Port: 80}}
	b := []balancer.Target{{Address: "app.test", Port: 80}, {Address: "0:0:0:0:0:0:0:1", Port: 80}}
	if targetsText(a) != targetsText(b) {
		t.Errorf("%s and %s differ", targetsText(a), targetsText(b))
	}
	b[0].Port = 81
	if targetsText(a) == targetsText(b) {
		t.Errorf("another port makes no difference: %s", targetsText(a))
	}
}

func TestShownURLsHideThePassword(t *testing.T) {
	one := (&url.URL{Scheme: "postgres", User: url.UserPassword("u", "top secret/1"), Host: "db:5432", Path: "/x"}).String()
	other := strings.Replace(one, "1@", "2@", 1)
	for _, u := range []string{one, other, "postgres://u:top secret/1@db/x", "\x00top secret"} {
		if strings.Contains(shownURL(u), "top") {
			t.Errorf("%q is shown as %s", u, shownURL(u))
		}
	}
	if one == other || shownURL(one) == shownURL(other) {
		t.Errorf("another password makes no difference: %s", shownURL(one))
	}
	if got := shownURL("sqlite:///var/x.sqlite"); got != "sqlite:///var/x.sqlite" {
		t.Errorf("without a password it is %s", got)
	}
}

func TestFilePath(t *testing.T) {
	for u, want := range map[string]string{
		"sqlite:///var/a%20b.sqlite": "/var/a b.sqlite", "file:///x": "/x", "sqlite3:///x": "/x",
		"postgres://host/x": "", "sqlite://host/x": "", "postgres:///x": "", "x": "", "sqlite:x": "", "": "", "\x00": "",
	} {
		if got, ok := filePath(u); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, %t, want %q", u, got, ok, want)
		}
	}
}
