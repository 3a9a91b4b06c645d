package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/plugins"
)

func TestTablesOfProvidersAreChecked(t *testing.T) {
	moon := plugins.Schema{
		{Name: "region", Required: true, OneOf: []string{"near", "far"}},
		{Name: "token", Secret: true},
		{Name: "disks", Type: plugins.TypeList, Element: plugins.TypeTable, Fields: plugins.Schema{{Name: "size", Type: plugins.TypeInteger}}},
	}
	known := providers{
		{plugins.Cloud, "moon"}:    {about: &plugins.Description{Config: moon}},
		{plugins.Cloud, "open"}:    {about: &plugins.Description{}},
		{plugins.DNS, "broken"}:    {err: errors.New("it is broken")},
		{plugins.Database, "none"}: {about: &plugins.Description{Config: plugins.Schema{}}},
	}
	tests := map[string]struct{ text, want string }{
		"good":      {"[appserver]\ncloud = \"moon\"\nmoon.region = \"far\"", ""},
		"any table": {"[appserver]\ncloud = \"open\"\nopen.x = 1", ""},
		"no table":  {"[appserver]\ncloud = \"moon\"", "1:2 error appserver.moon.region: is missing"},
		"empty": {"[appserver]\ncloud = \"moon\"\n[appserver.moon]",
			"3:12 error appserver.moon.region: is missing"},
		"several, in the order of the text": {"[appserver]\ncloud = \"moon\"\nmoon.region = \"up\"\n[[appserver.moon.disks]]\nsize = 1\n[[appserver.moon.disks]]\nsize = 0.5\nsise = 1",
			"3:15 error appserver.moon.region: \"up\" is not one of near, far\n" +
				"7:8 error appserver.moon.disks[2].size: is a number with a fraction, want a whole number\n" +
				"8:1 error appserver.moon.disks[2].sise: there is no such key; did you mean size?"},
		"a secret that is named": {"[appserver]\ncloud = \"moon\"\nmoon = {region = \"far\", token = \"secret:moon\"}", ""},
		"a secret that is written out": {"[appserver]\ncloud = \"moon\"\nmoon = {region = \"far\", token = \"hunter2\"}",
			"3:33 error appserver.moon.token: holds a secret itself, where everybody reads it: write \"secret:NAME\", and have the master keep it: wright secret set NAME --instance shop"},
		"not found, and broken": {"[appserver]\ncloud = \"mars\"\n[dns]\nprovider = \"broken\"\ndomain = \"a.test\"",
			"2:9 note the table of the cloud provider \"mars\" was not checked: no plugin of that name is found here: --plugins DIR says where to look\n" +
				"4:12 note the table of the dns provider \"broken\" was not checked: it is broken"},
		"the second of a kind": {"[appserver]\ncloud = \"open\"\n[[database]]\nprovider = \"none\"\nname = \"a\"\n[[database]]\nprovider = \"none\"\nname = \"b\"\nnone.x = 1",
			"9:6 error database[2].none.x: there is no such key; the provider takes none"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "shop.toml")
			if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			m, err := manifests.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range placed(m, known.remarks(m)) {
				before, after, _ := strings.Cut(strings.TrimPrefix(f.String(), file+":"), ": ")
				got = append(got, before+" "+f.Severity+" "+after)
				if f.Key == "" || f.Instance != "shop" {
					t.Errorf("%+v lacks its key or instance", f)
				}
			}
			if all := strings.Join(got, "\n"); all != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", all, tt.want)
			}
		})
	}
}
