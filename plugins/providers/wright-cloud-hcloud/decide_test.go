package main

import (
	"errors"
	"maps"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

func TestRetry(t *testing.T) {
	body := func(code string) []byte { return []byte(`{"error":{"code":"` + code + `","message":"x"}}`) }
	for _, tt := range []struct {
		name   string
		method string
		try    int
		status int // 0: an error on the way
		body   []byte
		header http.Header
		again  bool
	}{
		{"good", "GET", 1, 200, nil, nil, false},
		{"lost", "GET", 1, 0, nil, nil, true},
		{"lost, too often", "GET", maxTries, 0, nil, nil, false},
		{"something was made, maybe", "POST", 1, 0, nil, nil, false},
		{"down", "DELETE", 1, 503, nil, nil, true},
		{"down while something is made", "POST", 1, 503, nil, nil, false},
		{"not at once", "POST", 1, 409, body("conflict"), nil, true},
		{"busy", "POST", 1, 423, body("locked"), nil, true},
		{"there is one", "POST", 1, 409, body("uniqueness_error"), nil, false},
		{"wrong", "POST", 1, 422, body("invalid_input"), nil, false},
		{"throttled", "POST", 1, 429, body("rate_limit_exceeded"), nil, true},
		{"throttled for long", "GET", 1, 429, nil, http.Header{"Retry-After": {"60"}}, false},
		{"throttled by a slow bucket", "GET", 1, 429, nil, http.Header{"Ratelimit-Limit": {"360"}, "Ratelimit-Remaining": {"0"}}, false},
	} {
		var answer *http.Response
		err := errors.New("reset")
		if tt.status != 0 {
			answer, err = &http.Response{StatusCode: tt.status, Header: tt.header}, nil
		}
		if _, again := retry(tt.method, tt.try, answer, tt.body, err); again != tt.again {
			t.Errorf("%s: again is %v", tt.name, again)
		}
	}
}

func TestWaitFor(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		header http.Header
		want   time.Duration
	}{
		{http.Header{}, 0},
		{http.Header{"Retry-After": {"2"}}, 2 * time.Second},
		{http.Header{"Retry-After": {"9999999"}}, time.Hour},
		{http.Header{"Retry-After": {"Sat, 21 Nov 2026 12:00:07 GMT"}}, 7 * time.Second},
		{http.Header{"Ratelimit-Limit": {"3600"}, "Ratelimit-Remaining": {"0"}, "Ratelimit-Reset": {"1795262400"}}, time.Second},
		{http.Header{"Ratelimit-Limit": {"3600"}, "Ratelimit-Remaining": {"12"}}, 0},
		{http.Header{"Ratelimit-Limit": {"0"}, "Ratelimit-Remaining": {"0"}}, 0},
	} {
		if got := waitFor(tt.header, now); got != tt.want {
			t.Errorf("%v: %v, want %v", tt.header, got, tt.want)
		}
	}
}

func TestCodes(t *testing.T) {
	for code, want := range map[hcloud.ErrorCode]plugins.Code{
		"unauthorized": plugins.Denied, "forbidden": plugins.Denied, "protected": plugins.Denied, "resource_limit_exceeded": plugins.Quota,
		"not_found": plugins.NotFound, "uniqueness_error": plugins.Exists, "invalid_input": plugins.Invalid, "unsupported_error": plugins.Invalid,
		"locked": plugins.Transient, "conflict": plugins.Transient, "rate_limit_exceeded": plugins.Transient, "resource_unavailable": plugins.Transient,
		"placement_error": plugins.Transient, "maintenance": plugins.Transient, "something_new": plugins.Unknown,
	} {
		err := wrong(t.Context(), "try", hcloud.Error{Code: code, Message: "it\nsays\x1b[2J " + strings.Repeat("x", 5000)})
		if plugins.CodeOf(err) != want || strings.ContainsAny(err.Error(), "\n\x1b") || len(err.Error()) > 1000 {
			t.Errorf("%s: %q %.200q", code, plugins.CodeOf(err), err)
		}
	}
}

// What is random, and as long as tags may be, is refused; the rest comes back.
func TestLabels(t *testing.T) {
	valid := regexp.MustCompile(`^([a-z0-9A-Z]([a-z0-9A-Z._-]{0,61}[a-z0-9A-Z])?)?$`)
	r := rand.New(rand.NewPCG(1, 2))
	random := func(n int) string {
		b := make([]rune, n)
		for i := range b {
			b[i] = rune(0x21 + r.IntN(0x2000))
		}
		return strings.ToValidUTF8(string(b), "?")
	}
	for _, tags := range []map[string]string{
		nil, {"a": ""}, {"Ünï cödé": " a  b "}, {"wright-instance": "shop", "wright-build": "../12"}, {"wright-r00": "x"}, {"x": random(300)},
	} {
		id := identify("one", "t")
		have := newRecord(cloud.Spec{Token: "t/ä", Name: "ñ", Tags: tags}, options{Port: 80, SSHUser: "root"}, "one", time.Now())
		labels, err := have.labels(id)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range labels {
			if !valid.MatchString(k) || !valid.MatchString(v) {
				t.Errorf("%q=%q is no label", k, v)
			}
		}
		got, err := fromLabels(labels)
		if err != nil || got.Token != have.Token || got.Name != have.Name || !maps.Equal(got.Tags, have.Tags) || !got.Created.Equal(have.Created) || got.Port != 80 {
			t.Errorf("%v: got %+v, %v", tags, got, err)
		}
	}
	_, err := newRecord(cloud.Spec{Token: "t", Tags: map[string]string{"a": random(340), "b": random(340), "c": random(340), "d": random(340)}}, options{}, "one", time.Now()).labels(identify("", "t"))
	if plugins.CodeOf(err) != plugins.Invalid {
		t.Error(err)
	}
}

func FuzzFromLabels(f *testing.F) {
	labels, err := newRecord(cloud.Spec{Token: "t", Tags: map[string]string{"a": "b"}}, options{}, "one", time.Now()).labels(identify("one", "t"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(labels[partKey(0)], labels[partKey(1)])
	f.Add("rr", "")
	f.Add("", "x")
	f.Fuzz(func(t *testing.T, a, b string) {
		r, err := fromLabels(map[string]string{partKey(0): a, partKey(1): b})
		if err == nil && r.check() != nil {
			t.Errorf("took %+v", r)
		}
	})
}

// Names are host names, and differ where tokens or installations do.
func TestNames(t *testing.T) {
	host := regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])$`)
	seen := map[string]string{}
	for _, installation := range []string{"", "one", "two"} {
		for _, token := range []string{"shop-12-1", "Shop-12-1", "ä", "../..", strings.Repeat("x", 1000), strings.Repeat("x", 1001), "-", "a b", "a-b"} {
			name := identify(installation, token).name()
			if !host.MatchString(name) || seen[name] != "" {
				t.Errorf("%q: %q, also of %q", token, name, seen[name])
			}
			seen[name] = token
		}
	}
}

func TestOptions(t *testing.T) {
	base := func() map[string]any { return map[string]any{"ipv4": true} }
	for field, change := range map[string]func(s *cloud.Spec){
		"":                          func(*cloud.Spec) {},
		"flavor":                    func(s *cloud.Spec) { s.Flavor = "" },
		"image":                     func(s *cloud.Spec) { s.Image = "" },
		"config.networks":           func(s *cloud.Spec) { s.Config["ipv4"] = false },
		"config.user-data":          func(s *cloud.Spec) { s.Config["user-data"] = "hello" },
		"config.ingress[1].to":      func(s *cloud.Spec) { s.Config["ingress"] = []any{map[string]any{"port": 80, "to": 79}} },
		"config.ingress[1].port":    func(s *cloud.Spec) { s.Config["ingress"] = []any{map[string]any{"protocol": "icmp", "port": 79}} },
		"config.ingress[1].from[1]": func(s *cloud.Spec) { s.Config["ingress"] = []any{map[string]any{"from": []any{"everywhere"}}} },
		"config.firewalls":          func(s *cloud.Spec) { s.Config["firewalls"] = []any{"a", "b", "c", "d", "e"} },
	} {
		s := cloud.Spec{Flavor: "cx23", Image: "debian-13", Config: base()}
		change(&s)
		_, err := readOptions(s, settings{})
		e, ok := errors.AsType[*plugins.Error](err)
		if field == "" && err != nil || field != "" && (!ok || e.Field != field || e.Code != plugins.Invalid) {
			t.Errorf("%s: %v", field, err)
		}
	}
}
