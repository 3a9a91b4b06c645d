package manifests

import (
	"fmt"
	"strings"
	"testing"
)

func TestUses(t *testing.T) {
	const text = `[appserver]
cloud = "moon"
[appserver.moon]
region = "far"
[dns]
provider = "hosts"
domain = "shop.example.test"
[balancer]
provider = "proxy"
name = "shop.example.test"
[runner]
provider = "local"
[runner.local]
fast = true
[[database]]
provider = "sqlite"
name = "a"
[[database]]
provider = "mysql"
name = "b"
[database.mysql]
charset = "utf8"
`
	m, err := Parse("shop.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range m.Uses() {
		got = append(got, fmt.Sprintf("%s %s %s %v", u.Kind, u.Provider, u.Path, u.Config))
	}
	want := []string{
		"cloud moon appserver.moon map[region:far]", "dns hosts dns.hosts map[]",
		"balancer proxy balancer.proxy map[]", "runner local runner.local map[fast:true]",
		"database sqlite database[1].sqlite map[]", "database mysql database[2].mysql map[charset:utf8]",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q\nwant %q", got, want)
	}
	p := Locate("shop.toml", []byte(text))
	for _, u := range m.Uses() {
		for key := range u.Config {
			if at := p.Key(u.Path + "." + key); at.Column != 1 || at.Line != 4 && at.Line != 14 && at.Line != 22 {
				t.Errorf("%s.%s is at %s", u.Path, key, at)
			}
		}
	}
}
