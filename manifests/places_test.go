package manifests

import "testing"

func TestPlaces(t *testing.T) {
	const text = `auto-watch = true
[appserver]
cloud = "x"
x.region = "moon"
x = 1 # not TOML any more, but found

[appserver.y]
port = 80
list = [
  "a", {b = 2},
]
[[database]]
name = "a"
[[database]]
name = "b"
[database.mysql]
charset = "utf8"
"a.b" = {"ü\"" = 1, c.d = 2}
[[database.mysql.user]]
name = "a"
  [[database.mysql.user]]
  name = "b"
`
	p := Locate("shop.toml", []byte(text))
	for path, want := range map[string]string{
		"auto-watch":                     "shop.toml:1:14",
		"appserver.x.region":             "shop.toml:4:12",
		"appserver.y":                    "shop.toml:7:12",
		"appserver.y.port":               "shop.toml:8:8",
		"appserver.y.missing":            "shop.toml:7:12",
		"appserver.y.list[1]":            "shop.toml:10:3",
		"appserver.y.list[2].b":          "shop.toml:10:13",
		"appserver.y.list[9]":            "shop.toml:9:8",
		"appserver.y.list[0]":            "shop.toml:9:8",
		"database[1].name":               "shop.toml:13:8",
		"database[2].mysql.charset":      "shop.toml:17:11",
		"database[2].mysql.collation":    "shop.toml:16:11",
		`database[2].mysql."a.b".c.d`:    "shop.toml:18:27",
		`database[2].mysql."a.b"."ü\""`:  "shop.toml:18:18",
		`database[2].mysql."a.b".x`:      "shop.toml:18:9",
		`database[2].mysql."a.b`:         "shop.toml:16:11",
		"database[2].mysql.user[1].name": "shop.toml:20:8",
		"database[2].mysql.user[2].name": "shop.toml:22:10",
		"database[2].mysql.user[2].x":    "shop.toml:21:20",
		"database[2].mysql.user[":        "shop.toml:19:18",
		"nothing.at[3].all":              "shop.toml:1:1",
		"":                               "shop.toml:1:1",
		"database[99999999999999999].":   "shop.toml:12:3",
	} {
		if got := p.Of(path).String(); got != want {
			t.Errorf("%q is at %s, want %s", path, got, want)
		}
	}
}

func TestPlacesOfKeys(t *testing.T) {
	const text = "[appserver]\nx.region = \"moon\"\n[appserver.y]\nport = 80\n"
	p := Locate("shop.toml", []byte(text))
	for path, want := range map[string]string{
		"appserver.x.region": "shop.toml:2:3",
		"appserver.x":        "shop.toml:2:1",
		"appserver.y":        "shop.toml:3:12",
		"appserver.y.port":   "shop.toml:4:1",
		"appserver.y.gone":   "shop.toml:3:12",
	} {
		if got := p.Key(path).String(); got != want {
			t.Errorf("the key %q is at %s, want %s", path, got, want)
		}
	}
}

func FuzzPlaces(f *testing.F) {
	f.Add("a = 1\n[b]\nc = [1, {d = 2}]\n", "b.c[2].d")
	f.Fuzz(func(t *testing.T, text, path string) {
		if at := Locate("x.toml", []byte(text)).Of(path); at.Line < 1 || at.Column < 1 {
			t.Errorf("%q is at %s", path, at)
		}
	})
}
