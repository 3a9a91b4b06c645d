package schemadoc

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"google.golang.org/protobuf/proto"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/plugins"
	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

// moon is a schema with everything that a schema can have.
func moon() plugins.Schema {
	return plugins.Schema{
		{Name: "region", Required: true, OneOf: []string{"near", "far|off"}, Doc: "Which side; <far> is `dark|cold`."},
		{Name: "token", Secret: true, Doc: "Opens the door.", Default: "hunter2", Example: "hunter2"},
		{Name: "disk", Type: plugins.TypeInteger, Default: 10, Min: plugins.Bound(1), Max: plugins.Bound(100)},
		{Name: "share", Type: plugins.TypeNumber, Required: true, Max: plugins.Bound(0.5)},
		{Name: "lit", Type: plugins.TypeBoolean, Default: true},
		{Name: "wait", Type: plugins.TypeDuration, Default: "90s", Required: false, Example: "5m"},
		{Name: "zones", Type: plugins.TypeList, Min: plugins.Bound(1.5), Max: plugins.Bound(2.5), Required: true},
		{Name: "keys", Type: plugins.TypeList, Secret: true},
		{Name: "labels", Type: plugins.TypeMap, Example: map[string]any{"a.b": "`x`"}},
		{Name: "net", Type: plugins.TypeTable, Required: true, Fields: plugins.Schema{
			{Name: "mtu", Type: plugins.TypeInteger, Default: 1500}, {Name: "key", Secret: true, Required: true}}},
		{Name: "volumes", Type: plugins.TypeList, Element: plugins.TypeTable, Required: true, Fields: plugins.Schema{
			{Name: "size", Type: plugins.TypeInteger, Required: true, Min: plugins.Bound(2.5)}}},
		{Name: "routes", Type: plugins.TypeMap, Element: plugins.TypeTable, Required: true, Fields: plugins.Schema{{Name: "to", Required: true}}},
		{Name: "anything", Type: plugins.TypeTable},
		{Name: "short", Required: true, Min: plugins.Bound(2), Max: plugins.Bound(3)},
		{Name: "none", Required: true, Max: plugins.Bound(0)},
	}
}

func description(k plugins.Kind) *plugins.Description {
	return &plugins.Description{
		Kind: k, Name: "moon", Version: "1.2.3", Protocol: 2, Capabilities: []string{"console"},
		Doc: "Servers on the moon.\x1b[2J\n", Settings: moon(), Config: moon(),
	}
}

func page(t *testing.T, d *plugins.Description) string {
	t.Helper()
	var b strings.Builder
	if err := Page(&b, d); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPage(t *testing.T) {
	got := page(t, description(plugins.Cloud))
	for _, want := range []string{
		"# Cloud provider `moon`\n\nServers on the moon.[2J\n\nVersion 1.2.3, protocol 2. It can also: console.\n\n## In a manifest\n",
		"```toml\n[appserver]\ncloud = \"moon\"\nprovision = \"./deploy.sh\"\n\n[appserver.moon]\nregion = \"near\"\n",
		"\ntoken = \"secret:token\"\n", "\nkeys = [\"secret:keys\"]\n", "\nnet = {key = \"secret:key\"}\n", "\nlabels = {\"a.b\" = \"`x`\"}\n",
		"| `region` | one of \"near\", \"far\\|off\" | required | Which side; &lt;far&gt; is `dark\\|cold`. |\n",
		"| `token` | string, secret |  | Opens the door. |\n",
		"| `disk` | integer, 1 to 100 | `10` |  |\n", "| `share` | number, at most 0.5 | required |  |\n",
		"| `wait` | duration | `\"90s\"` | Example: `\"5m\"` |\n", "| `zones` | list of strings, 1.5 to 2.5 long | required |  |\n",
		"| `labels` | map of strings |  | Example: `` {\"a.b\" = \"`x`\"} `` |\n",
		"| `net.mtu` | integer | `1500` |  |\n", "| `volumes[].size` | integer, at least 2.5 | required |  |\n",
		"| `routes.NAME.to` | string | required |  |\n",
		"[cloud-moon]\nregion = \"near\"\ntoken = \"…\"\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q", want)
		}
	}
	if strings.Contains(got, "hunter2") || strings.Contains(got, "\x1b") {
		t.Error("shows a secret or moves the cursor")
	}
	if t.Failed() {
		t.Log(got)
	}
}

func TestPageWithoutKeys(t *testing.T) {
	d := &plugins.Description{Kind: plugins.DNS, Name: "x", Version: "1", Protocol: 1, Config: plugins.Schema{}}
	got := page(t, d)
	want := "# DNS provider `x`\n\nVersion 1, protocol 1.\n\n## In a manifest\n\n```toml\n[dns]\nprovider = \"x\"\n" +
		"domain = \"shop.example.test\"\n```\n\nThe provider takes no keys of its own.\n\n" +
		"## Settings on the agent\n\nThe table takes anything: the provider does not state its keys.\n"
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if got := page(t, &plugins.Description{Kind: plugins.Notifier, Name: "x"}); strings.Contains(got, "manifest") {
		t.Errorf("no manifest names a notifier, yet:\n%s", got)
	}
}

// What the page says to copy must be right.
func TestExamplesAreRight(t *testing.T) {
	for _, kind := range plugins.Kinds() {
		d := description(kind)
		text := Example(d)
		if text == "" && kind == plugins.Notifier {
			continue
		}
		if kind != plugins.Cloud {
			text = "[appserver]\ncloud = \"process\"\n" + text
		}
		m, err := manifests.Parse("shop.toml", []byte(text))
		if err != nil {
			t.Errorf("%s: %v\n%s", kind, err, text)
			continue
		}
		checked := false
		for _, u := range m.Uses() {
			if u.Kind != string(kind) || u.Provider != "moon" {
				continue
			}
			checked = true
			if _, errs := d.Config.Check(u.Path, u.Config); len(errs) > 0 {
				t.Errorf("%s: %v\n%s", kind, errs, text)
			}
			if err := validator(t, JSON(d.Config)).Validate(asJSON(t, u.Config)); err != nil {
				t.Errorf("%s: %v\n%s", kind, err, text)
			}
		}
		if !checked {
			t.Errorf("%s: the manifest does not use it:\n%s", kind, text)
		}
	}
	var settings map[string]any
	text := sample(moon(), written)
	if _, err := toml.Decode(text, &settings); err != nil {
		t.Fatal(err)
	}
	if _, errs := moon().Check("", settings); len(errs) > 0 {
		t.Errorf("%v\n%s", errs, text)
	}
}

func validator(t *testing.T, schema map[string]any) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	if err := c.AddResource("moon.json", asJSON(t, schema)); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("moon.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func asJSON(t *testing.T, v any) any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	read, err := jsonschema.UnmarshalJSON(strings.NewReader(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// An editor must find what Check finds, and nothing else but secrets that are
// written out.
func TestJSONSchemaAgreesWithCheck(t *testing.T) {
	s := moon()
	for i := range s {
		s[i].Required = s[i].Name == "region"
	}
	valid := validator(t, JSON(s))
	for _, values := range []string{
		`"region": "near"`, `"region": "up"`, `"region": 1`, `"regoin": "near"`,
		`"disk": 5`, `"disk": 5.0`, `"disk": 5.5`, `"disk": 0`, `"disk": 101`, `"disk": "5"`, `"disk": null`,
		`"share": 0.4`, `"share": 0.6`, `"lit": false`, `"lit": 0`,
		`"wait": "1h30m"`, `"wait": "1.5h"`, `"wait": ".5s"`, `"wait": "-3us"`, `"wait": "0"`, `"wait": "3µs"`, `"wait": "s"`,
		`"wait": "."`, `"wait": ""`, `"wait": "5"`, `"wait": "1d"`, `"wait": 5`, `"wait": "1h "`, `"wait": "00"`,
		`"zones": ["a", "b"]`, `"zones": ["a"]`, `"zones": ["a", "b", "c"]`, `"zones": ["a", 1]`, `"zones": "a"`,
		`"keys": ["secret:a"]`, `"keys": [1]`, `"token": "secret:a"`, `"token": 1`,
		`"labels": {"x": "y"}`, `"labels": {"x": 1}`, `"labels": []`,
		`"net": {"key": "secret:a"}`, `"net": {}`, `"net": {"key": "secret:a", "mtu": "1"}`, `"net": {"key": "secret:a", "x": 1}`, `"net": 1`,
		`"volumes": [{"size": 3}]`, `"volumes": [{"size": 2}]`, `"volumes": [{}]`, `"volumes": [1]`, `"volumes": []`,
		`"routes": {"a": {"to": "b"}}`, `"routes": {"a": {}}`, `"routes": {"a": 1}`,
		`"anything": {"x": [1, {}]}`, `"anything": 1`, `"short": "ab"`, `"short": "äöü"`, `"short": "a"`, `"short": "abcd"`, `"none": ""`, `"none": "a"`,
	} {
		text := "{" + values + "}"
		if !strings.Contains(values, `"region"`) {
			text = `{"region": "near", ` + values + "}"
		}
		var table map[string]any
		if err := json.Unmarshal([]byte(text), &table); err != nil {
			t.Fatal(text, err)
		}
		_, errs := s.Check("", table)
		if err := valid.Validate(asJSON(t, table)); (err == nil) != (len(errs) == 0) {
			t.Errorf("%s: Check says %v, the JSON Schema %v", text, errs, err)
		}
	}
	for _, told := range []string{`{"region": "near", "token": "hunter2"}`, `{"region": "near", "keys": ["hunter2"]}`} {
		if err := valid.Validate(asJSON(t, json.RawMessage(told))); err == nil {
			t.Errorf("%s: the secret may be written out", told)
		}
	}
	if b, _ := json.Marshal(JSON(moon())); strings.Contains(string(b), "hunter2") {
		t.Error("the JSON Schema shows a secret")
	}
	if err := validator(t, JSON(nil)).Validate(asJSON(t, map[string]any{"x": 1})); err != nil {
		t.Error("a nil schema refuses a key:", err)
	}
}

// FuzzDescription shows what a plugin says of itself, whatever that is.
func FuzzDescription(f *testing.F) {
	seed, err := proto.Marshal(&pluginv1.DescribeResponse{Kind: "cloud", Name: "moon", Version: "1", Doc: "x", Config: &pluginv1.Schema{Fields: []*pluginv1.Field{
		{Name: "a", Type: "string", Required: true, OneOf: []string{"`|"}}, {Name: "b", Type: "list", Element: "table", Required: true,
			Fields: []*pluginv1.Field{{Name: "c", Type: "integer", Required: true}}},
		{Name: "d", Type: "map", ExampleJson: []byte(`{"a.b": "\u007f"}`)}, {Name: "e", Type: "string", Secret: true},
	}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, b []byte) {
		var said pluginv1.DescribeResponse
		if proto.Unmarshal(b, &said) != nil {
			return
		}
		d, err := plugins.Describe(&said, plugins.Protocol)
		if err != nil {
			return
		}
		if text := page(t, d); len(text) > 1<<20+8*len(b) || strings.ContainsRune(text, 0x1b) {
			t.Errorf("a page of %d bytes from %d", len(text), len(b))
		}
		for _, s := range []plugins.Schema{d.Settings, d.Config} {
			validator(t, JSON(s))
			var table map[string]any
			if _, err := toml.Decode(sample(s, named), &table); err != nil {
				t.Errorf("the example is no TOML: %v\n%s", err, sample(s, named))
			}
		}
	})
}
