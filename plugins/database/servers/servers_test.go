package servers

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/wright-build/wright/plugins"
)

func TestCheck(t *testing.T) {
	tests := []struct {
		name                 string
		list                 []Server
		address, client, tls string
		field                string
	}{
		{"a host", []Server{{Name: "a", Address: "db.example.test", User: "u"}}, "db.example.test:5432", "db.example.test:5432", TLSVerify, ""},
		{"a port", []Server{{Name: "a", Address: "127.0.0.1:7", User: "u"}}, "127.0.0.1:7", "127.0.0.1:7", TLSOff, ""},
		{"this machine", []Server{{Name: "a", Address: "localhost", User: "u", TLS: TLSVerify}}, "localhost:5432", "localhost:5432", TLSVerify, ""},
		{"IPv6", []Server{{Name: "a", Address: "::1", ClientAddress: "[2001:db8::1]", User: "u"}}, "[::1]:5432", "[2001:db8::1]:5432", TLSOff, ""},
		{"IPv6 with a port", []Server{{Name: "a", Address: "[2001:db8::1]:9", User: "u", TLS: TLSInsecure}}, "[2001:db8::1]:9", "[2001:db8::1]:9", TLSInsecure, ""},
		{"none", nil, "", "", "", "settings.servers"},
		{"too many", make([]Server, Most+1), "", "", "", "settings.servers"},
		{"twice", []Server{{Name: "a", Address: "h", User: "u"}, {Name: "a", Address: "i", User: "u"}}, "", "", "", "settings.servers[2].name"},
		{"no name", []Server{{Address: "h", User: "u"}}, "", "", "", "settings.servers[1].name"},
		{"no address", []Server{{Name: "a", User: "u"}}, "", "", "", "settings.servers[1].address"},
		{"a URL", []Server{{Name: "a", Address: "tcp://h", User: "u"}}, "", "", "", "settings.servers[1].address"},
		{"a bad port", []Server{{Name: "a", Address: "h:0", User: "u"}}, "", "", "", "settings.servers[1].address"},
		{"a large port", []Server{{Name: "a", Address: "h:65536", User: "u"}}, "", "", "", "settings.servers[1].address"},
		{"a bad client", []Server{{Name: "a", Address: "h", ClientAddress: "x y", User: "u"}}, "", "", "", "settings.servers[1].client-address"},
		{"no user", []Server{{Name: "a", Address: "h"}}, "", "", "", "settings.servers[1].user"},
	}
	for _, tt := range tests {
		got, err := Check(tt.list, 5432)
		if tt.field != "" {
			e, ok := errors.AsType[*plugins.Error](err)
			if !ok || e.Code != plugins.Invalid || e.Field != tt.field {
				t.Errorf("%s: %v, want %s to be invalid", tt.name, err, tt.field)
			}
			continue
		}
		if err != nil || got[0].Address != tt.address || got[0].ClientAddress != tt.client || got[0].TLS != tt.tls {
			t.Errorf("%s: %+v, %v; want %s, %s, %s", tt.name, got, err, tt.address, tt.client, tt.tls)
		}
	}
}

func TestSchema(t *testing.T) {
	s := Fields(5432, plugins.Field{Name: "more"})
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	read, err := s.Decode("settings", []byte(`{"servers": [{"name": "a", "address": "h", "user": "u", "password": "p"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var into struct {
		Servers []Server `json:"servers"`
	}
	if err := plugins.ReadConfig(read, &into); err != nil || len(into.Servers) != 1 || into.Servers[0].Password != "p" {
		t.Errorf("%+v, %v", into, err)
	}
}

func TestChoose(t *testing.T) {
	tests := []struct {
		name, named, want string
		loads             []Load
		code              plugins.Code
	}{
		{"the fewest", "", "b", []Load{{"a", 3, 0}, {"b", 1, 0}, {"c", 2, 0}}, ""},
		{"of equals the first", "", "a", []Load{{"a", 1, 0}, {"b", 1, 0}}, ""},
		{"the named", "c", "c", []Load{{"a", 3, 0}, {"b", 1, 0}, {"c", 9, 0}}, ""},
		{"not a full one", "", "b", []Load{{"a", 1, 1}, {"b", 5, 6}, {"c", 7, 0}}, ""},
		{"all full", "", "", []Load{{"a", 1, 1}, {"b", 5, 4}}, plugins.Quota},
		{"the named is full", "a", "", []Load{{"a", 1, 1}, {"b", 0, 0}}, plugins.Quota},
		{"no such", "x", "", []Load{{"a", 1, 1}}, plugins.Invalid},
		{"none", "", "", nil, plugins.Invalid},
	}
	for _, tt := range tests {
		got, err := Choose(tt.loads, tt.named)
		if got != tt.want || plugins.CodeOf(err) != tt.code {
			t.Errorf("%s: %q, %v; want %q, %q", tt.name, got, err, tt.want, tt.code)
		}
	}
}

func TestNames(t *testing.T) {
	long := strings.Repeat("long-name-", 100)
	form := regexp.MustCompile(`^w_([a-z0-9]+_)*[a-z2-7]{16}$`)
	for _, most := range []int{Least, Least + 1, 32, 63, 64} {
		seen := map[string]string{}
		for _, id := range [][]string{
			{"shop", "main"}, {"Shop", "main"}, {"shop", "Main"}, {"shopm", "ain"}, {"shop_", "main"}, {"shop", "_main"}, {"shop", "main", ""},
			{long + "1"}, {long + "2"}, {"1" + long}, {""}, {"", ""}, {"ü"}, {"u\u0308"}, {"'; DROP"}, {"pg_x"}, {"%"}, {"`"}, {"\x00"}, {"\xff"},
		} {
			name := Name(most, id, id...)
			if other, ok := seen[name]; ok {
				t.Errorf("%q and %q are both %s", other, id, name)
			}
			if seen[name] = fmt.Sprintf("%q", id); len(name) > most || !form.MatchString(name) {
				t.Errorf("%q gives %q (at most %d)", id, name, most)
			}
		}
	}
	if got, want := Name(63, []string{"My Shop", "main.db"}, "x"), "w_my_shop_main_db_"+Hash("x")[:16]; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	// Names must never change: what was made under them would be lost.
	if got, want := Name(32, []string{"shop", "orders-of-the-year"}, "installation", "token", "t"), "w_shop_orders_o_esyrm3qkpxfbh4eg"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func FuzzName(f *testing.F) {
	f.Add("shop", "a", "b")
	f.Add("", "ab", "")
	f.Fuzz(func(t *testing.T, word, a, b string) {
		name := Name(32, []string{word, a}, a, b)
		if len(name) > 32 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			t.Errorf("%q", name)
		}
		if a+"x" == b || a == "" {
			return
		}
		if other := Name(32, []string{word, a}, a[:len(a)-1], a[len(a)-1:]+b); other == name {
			t.Errorf("%q for %q, %q and for both moved by a byte", name, a, b)
		}
	})
}
