package plugins

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
)

func TestChecks(t *testing.T) {
	many := map[string]string{}
	for i := range MaxTags + 1 {
		many[fmt.Sprint(i)] = "x"
	}
	long := strings.Repeat("x", MaxText)
	tests := []struct {
		name  string
		err   error
		field string // empty: no error
	}{
		{"text", CheckText("name", "Käse & 🧀"), ""},
		{"empty text", CheckText("name", ""), ""},
		{"empty token", CheckToken("token", ""), "token"},
		{"long text", CheckText("name", long), ""},
		{"longer text", CheckText("name", long+"x"), "name"},
		{"line break", CheckText("name", "a\nb"), "name"},
		{"NUL", CheckText("name", "a\x00"), "name"},
		{"C1 control", CheckText("name", "a\u0085b"), "name"},
		{"no UTF-8", CheckText("name", "\xff"), "name"},
		{"tags", CheckTags(map[string]string{"a": "", "b c": "d"}), ""},
		{"tag without a name", CheckTags(map[string]string{"": "x"}), "tags"},
		{"tag value", CheckTags(map[string]string{"a": "\n"}), "tags.a"},
		{"many tags", CheckTags(many), "tags"},
		{"env", CheckEnv(map[string]string{"A_1": "two\nlines", "_": ""}), ""},
		{"env name", CheckEnv(map[string]string{"1A": ""}), "env"},
		{"env with =", CheckEnv(map[string]string{"A=B": ""}), "env"},
		{"env without a name", CheckEnv(map[string]string{"": ""}), "env"},
		{"env value", CheckEnv(map[string]string{"A": "\x00"}), "env.A"},
		{"big env", CheckEnv(map[string]string{"A": strings.Repeat("x", MaxEnv)}), "env"},
	}
	for _, tt := range tests {
		e, failed := errors.AsType[*Error](tt.err)
		if failed != (tt.field != "") || failed && (e.Code != Invalid || e.Field != tt.field) {
			t.Errorf("%s: %v, want an error at %q", tt.name, tt.err, tt.field)
		}
	}
}

func TestConfigCrossesTheWire(t *testing.T) {
	config := map[string]any{"a": "x", "n": 1.5, "t": map[string]any{"l": []any{true, "y"}}}
	b, err := EncodeConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecodeConfig(b); err != nil || !reflect.DeepEqual(got, config) {
		t.Errorf("%v came back as %v, %v", config, got, err)
	}
	for _, empty := range []map[string]any{nil, {}} {
		if b, err := EncodeConfig(empty); b != nil || err != nil {
			t.Errorf("%v became %q, %v", empty, b, err)
		}
	}
	for _, bad := range []string{"[]", "{", "1", `{"a":1}x`, strings.Repeat(" ", MaxConfig+1)} {
		if got, err := DecodeConfig([]byte(bad)); CodeOf(err) != Invalid {
			t.Errorf("%.20q became %v, %v", bad, got, err)
		}
	}
	for _, bad := range []map[string]any{{"f": func() {}}, {"s": strings.Repeat("x", MaxConfig)}} {
		if _, err := EncodeConfig(bad); CodeOf(err) != Invalid {
			t.Errorf("sent with %v", err)
		}
	}
}

func TestReadConfig(t *testing.T) {
	type options struct {
		Port int    `json:"port"`
		Name string `json:"name"`
	}
	o := options{Port: 80}
	if err := ReadConfig(nil, &o); err != nil || o.Port != 80 {
		t.Errorf("no table: %+v, %v", o, err)
	}
	if err := ReadConfig(map[string]any{"name": "x"}, &o); err != nil || o != (options{80, "x"}) {
		t.Errorf("got %+v, %v", o, err)
	}
	for _, bad := range []map[string]any{{"prot": 1}, {"port": "x"}, {"port": 1.5}} {
		if err := ReadConfig(bad, &o); CodeOf(err) != Invalid {
			t.Errorf("%v gave %v", bad, err)
		}
	}
}

func TestHasTags(t *testing.T) {
	have := map[string]string{"a": "1", "b": ""}
	tests := []struct {
		want map[string]string
		ok   bool
	}{
		{nil, true}, {maps.Clone(have), true}, {map[string]string{"a": "1"}, true}, {map[string]string{"b": ""}, true},
		{map[string]string{"a": "2"}, false}, {map[string]string{"c": ""}, false}, {map[string]string{"a": "1", "c": "x"}, false},
	}
	for _, tt := range tests {
		if HasTags(have, tt.want) != tt.ok {
			t.Errorf("%v selects %v: want %v", tt.want, have, tt.ok)
		}
	}
}

func FuzzDecodeConfig(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1,2]}}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, b []byte) {
		config, err := DecodeConfig(b)
		if err != nil {
			if CodeOf(err) != Invalid {
				t.Errorf("%q: code %q", b, CodeOf(err))
			}
			return
		}
		// Escaping may make it too long to send on, but nothing else may go wrong.
		if again, err := EncodeConfig(config); err == nil {
			if got, err := DecodeConfig(again); err != nil || len(config) > 0 && !reflect.DeepEqual(got, config) {
				t.Errorf("%q: %v, then %v, %v", b, config, got, err)
			}
		}
	})
}

func TestCheckHost(t *testing.T) {
	for host, want := range map[string]bool{
		"192.0.2.1": true, "2001:db8::1": true, "fe80::1%eth0": true, "shop.example.test": true, "my_host.internal.": true,
		"": false, "fe80::1%": false, "fe80::1%eth0\nx": false, "fe80::1%a b": false, "fe80::1%" + strings.Repeat("e", 16): false, "a b": false, "-x": false, "x..y": false,
	} {
		if err := CheckHost("address", host); (err == nil) != want {
			t.Errorf("%q: %v", host, err)
		}
	}
}
