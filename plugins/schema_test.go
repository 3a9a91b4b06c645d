package plugins

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

// moon is a schema with everything that a schema can have.
func moon() Schema {
	return Schema{
		{Name: "region", Required: true, OneOf: []string{"near", "far"}, Doc: "Which side.", Example: "far"},
		{Name: "token", Secret: true},
		{Name: "disk", Type: TypeInteger, Default: 10, Min: Bound(1), Max: Bound(100)},
		{Name: "share", Type: TypeNumber},
		{Name: "lit", Type: TypeBoolean, Default: true},
		{Name: "wait", Type: TypeDuration, Default: "90s"},
		{Name: "zones", Type: TypeList, Min: Bound(1), Max: Bound(2)},
		{Name: "keys", Type: TypeList, Secret: true},
		{Name: "labels", Type: TypeMap},
		{Name: "net", Type: TypeTable, Fields: Schema{{Name: "mtu", Type: TypeInteger, Default: 1500}, {Name: "key", Secret: true}}},
		{Name: "volumes", Type: TypeList, Element: TypeTable, Fields: Schema{{Name: "size", Type: TypeInteger, Required: true}}},
		{Name: "routes", Type: TypeMap, Element: TypeTable, Fields: Schema{{Name: "to", Required: true}}},
		{Name: "anything", Type: TypeTable},
		{Name: "short", Max: Bound(3)},
	}
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	type table = map[string]any
	tests := map[string]struct {
		table table
		want  string // errors, "" for none; region is far unless told otherwise
	}{
		"nothing else":          {table{}, ""},
		"missing":               {table{"region": nil}, "c.region: is null, want a string"},
		"not one of":            {table{"region": "up"}, `c.region: "up" is not one of near, far`},
		"unknown":               {table{"dsk": 1}, "c.dsk: there is no such key; did you mean disk?"},
		"unknown, swapped":      {table{"wiat": 1}, "c.wiat: there is no such key; did you mean wait?"},
		"unknown and far off":   {table{"dixie": 1}, "c.dixie: there is no such key"},
		"unknown and hostile":   {table{"a.b\x1b": 1}, `c."a.b\x1b": there is no such key`},
		"unknown and long":      {table{strings.Repeat("x", 1000): 1}, `c."` + strings.Repeat("x", 60) + `…": there is no such key`},
		"unknown and empty":     {table{"": 1}, `c."": there is no such key`},
		"no string":             {table{"token": 5}, "c.token: is a number, want a string"},
		"no number":             {table{"disk": "5"}, "c.disk: is a string, want a whole number"},
		"a fraction":            {table{"disk": 5.5}, "c.disk: is a number with a fraction, want a whole number"},
		"too small":             {table{"disk": int64(0)}, "c.disk: is 0, want at least 1"},
		"too large":             {table{"disk": json.Number("101")}, "c.disk: is 101, want at most 100"},
		"enormous":              {table{"disk": int64(1) << 60}, "c.disk: is too large a number"},
		"endless":               {table{"share": math.Inf(1)}, "c.share: is no finite number, want a number"},
		"no number at all":      {table{"share": math.NaN()}, "c.share: is no finite number, want a number"},
		"some number":           {table{"share": 0.5}, ""},
		"no boolean":            {table{"lit": "yes"}, "c.lit: is a string, want a boolean"},
		"no duration":           {table{"wait": "soon"}, `c.wait: "soon" is no duration: write "90s" or "1h30m"`},
		"a number of seconds":   {table{"wait": 90}, `c.wait: is a number, want a duration as a string, such as "90s"`},
		"a date":                {table{"wait": time.Time{}}, `c.wait: is a date or time, want a duration as a string, such as "90s"`},
		"no list":               {table{"zones": "a"}, "c.zones: is a string, want a list"},
		"a list too short":      {table{"zones": []any{}}, "c.zones: has 0 elements, want at least 1"},
		"a list too long":       {table{"zones": []string{"a", "b", "c"}}, "c.zones: has 3 elements, want at most 2"},
		"no list of strings":    {table{"zones": []any{"a", 1}}, "c.zones[2]: is a number, want a string"},
		"no list of secrets":    {table{"keys": []any{table{}}}, "c.keys[1]: is a table, want a string"},
		"no map":                {table{"labels": []any{}}, "c.labels: is a list, want a table"},
		"no map of strings":     {table{"labels": table{"b": 1, "a": "x", "x.y": true}}, "c.labels.b: is a number, want a string\n" + `c.labels."x.y": is a boolean, want a string`},
		"no table":              {table{"net": 1}, "c.net: is a number, want a table"},
		"in a table":            {table{"net": table{"mtu": "x"}}, "c.net.mtu: is a string, want a whole number"},
		"unknown in a table":    {table{"net": table{"x": 1}}, "c.net.x: there is no such key; there are mtu, key"},
		"in a list of tables":   {table{"volumes": []map[string]any{{"size": 1}, {}}}, "c.volumes[2].size: is missing"},
		"in a map of tables":    {table{"routes": table{"a": table{}}}, "c.routes.a.to: is missing"},
		"in any table":          {table{"anything": table{"x": []any{nil}}}, ""},
		"a string too long":     {table{"short": "äöüß"}, "c.short: has 4 characters, want at most 3"},
		"a string not too long": {table{"short": "äöü"}, ""},
		"several":               {table{"lit": 1, "disk": 0, "x": 1}, "c.x: there is no such key\nc.disk: is 0, want at least 1\nc.lit: is a number, want a boolean"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, there := tt.table["region"]; !there {
				tt.table["region"] = "far"
			}
			_, errs := moon().Check("c", tt.table)
			var got []string
			for _, e := range errs {
				got = append(got, e.Error())
				if e.Code != Invalid || !strings.HasPrefix(e.Field, "c.") {
					t.Errorf("%v has code %q, field %q", e, e.Code, e.Field)
				}
			}
			if all := strings.Join(got, "\n"); all != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", all, tt.want)
			}
		})
	}
	if _, errs := moon().Check("", map[string]any{}); len(errs) != 1 || !errors.Is(errs[0], ErrMissing) || errs[0].Field != "region" {
		t.Errorf("a missing key gave %v", errs)
	}
	many := map[string]any{}
	for i := range 1000 {
		many[strings.Repeat("k", i+1)] = 1
	}
	if _, errs := (Schema{}).Check("", many); len(errs) != maxUnknown || !errors.Is(errs[0], ErrNoSuchKey) {
		t.Errorf("1000 unknown keys gave %d errors, the first %v", len(errs), errs[0])
	}
}

func TestCheckFillsIn(t *testing.T) {
	s := append(moon(), Field{Name: "extra", Type: TypeTable, Default: map[string]any{"x": []any{"y"}}, Fields: Schema{
		{Name: "x", Type: TypeList}, {Name: "z", Type: TypeInteger, Default: 3}}})
	full, errs := s.Check("", map[string]any{"region": "far", "net": map[string]any{}})
	want := map[string]any{
		"region": "far", "disk": 10.0, "lit": true, "wait": "90s", "net": map[string]any{"mtu": 1500.0},
		"extra": map[string]any{"x": []any{"y"}, "z": 3.0},
	}
	if len(errs) > 0 || !reflect.DeepEqual(full, want) {
		t.Errorf("got %v, %v\nwant %v", full, errs, want)
	}
	full["extra"].(map[string]any)["x"].([]any)[0] = "changed"
	if again, _ := s.Check("", map[string]any{"region": "far"}); !reflect.DeepEqual(again["extra"], map[string]any{"x": []any{"y"}, "z": 3.0}) {
		t.Errorf("the default was changed by who got it: %v", again["extra"])
	}
	if full, errs := Schema(nil).Check("", map[string]any{"x": 1}); len(errs) > 0 || full["x"] != 1 {
		t.Errorf("a nil schema gave %v, %v", full, errs)
	}
}

func TestDecode(t *testing.T) {
	for text, want := range map[string]string{
		``:                               "c.region: is missing",
		`{"region": "far"}`:              "",
		`{"region": "far", "x": 1}`:      "c.x: there is no such key",
		`[]`:                             "config: is not a table",
		`{"region": "far"} {}`:           "config: is not a table",
		strings.Repeat(" ", MaxConfig+1): "config: 65537 bytes are too many",
	} {
		_, err := moon().Decode("c", []byte(text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want) || CodeOf(err) != Invalid) {
			t.Errorf("%.40q gave %v, want %s", text, err, want)
		}
	}
}

func TestSecretsAreFoundAndNotTold(t *testing.T) {
	table := map[string]any{
		"region": "hunter2", "token": "hunter2", "keys": []any{"secret:a", "hunter2"},
		"net": map[string]any{"key": "hunter2"}, "volumes": []any{1}, "labels": map[string]any{"x": "y"},
	}
	var found []string
	moon().Secrets("c", table, func(path, value string) { found = append(found, path+"="+value) })
	want := "c.token=hunter2 c.keys[1]=secret:a c.keys[2]=hunter2 c.net.key=hunter2"
	if got := strings.Join(found, " "); got != want {
		t.Errorf("found %s\nwant  %s", got, want)
	}
	bad := Schema{{Name: "a", Secret: true, Max: Bound(2)}, {Name: "b", Secret: true, OneOf: []string{"x"}}}
	_, errs := bad.Check("", map[string]any{"a": "hunter2", "b": "hunter2"})
	if len(errs) != 1 || strings.Contains(errs[0].Error(), "hunter2") {
		t.Errorf("got %v, want one error without the secret", errs)
	}
	if _, errs := bad.Check("", map[string]any{"a": "secret:moon"}); len(errs) > 0 {
		t.Errorf("the name of a secret is held to the bounds of the secret: %v", errs)
	}
}

func TestValidateRefuses(t *testing.T) {
	deep := Schema{{Name: "a"}}
	for range maxNesting + 1 {
		deep = Schema{{Name: "a", Type: TypeTable, Fields: deep}}
	}
	endless := Schema{{Name: "a", Type: TypeTable}}
	endless[0].Fields = endless
	wide := make(Schema, maxFields+1)
	all := Schema{}
	for range maxAllFields / maxFields {
		f := Field{Name: "a" + strings.Repeat("b", len(all)), Type: TypeTable}
		for i := range maxFields {
			f.Fields = append(f.Fields, Field{Name: "c" + strings.Repeat("0", i%60) + string(rune('a'+i/60))})
		}
		all = append(all, f)
	}
	for want, s := range map[string]Schema{
		"a is there twice":                            {{Name: "a"}, {Name: "a"}},
		`A is no key`:                                 {{Name: "A"}},
		`"" is no key`:                                {{}},
		"a has a type that there":                     {{Name: "a", Type: "text"}},
		"a has elements of a type":                    {{Name: "a", Type: TypeList, Element: "text"}},
		"a has an element, but":                       {{Name: "a", Element: TypeString}},
		"a has fields, but":                           {{Name: "a", Type: TypeList, Fields: Schema{{Name: "b"}}}},
		"a is required and":                           {{Name: "a", Required: true, Default: "x"}},
		"a has a text that is too":                    {{Name: "a", Doc: strings.Repeat("x", maxDoc+1)}},
		"a has values to choose":                      {{Name: "a", Type: TypeInteger, OneOf: []string{"1"}}},
		"a has too many values":                       {{Name: "a", OneOf: make([]string, maxFields+1)}},
		"a has a value to choose":                     {{Name: "a", OneOf: []string{"\x1b"}}},
		"a is secret, which":                          {{Name: "a", Type: TypeInteger, Secret: true}},
		"b is secret, which":                          {{Name: "b", Type: TypeList, Element: TypeInteger, Secret: true}},
		"a is secret, but":                            {{Name: "a", Secret: true, OneOf: []string{"x"}}},
		"a has bounds, which":                         {{Name: "a", Type: TypeBoolean, Min: Bound(1)}},
		"a has a bound that":                          {{Name: "a", Type: TypeNumber, Min: Bound(math.NaN())}},
		"b has a bound that":                          {{Name: "b", Type: TypeNumber, Max: Bound(math.Inf(1))}},
		"a has a length below":                        {{Name: "a", Max: Bound(-1)}},
		"a has a least value":                         {{Name: "a", Type: TypeNumber, Min: Bound(2), Max: Bound(1)}},
		"a has a default that is no":                  {{Name: "a", Default: func() {}}},
		"a has an example that is no":                 {{Name: "a", Example: strings.Repeat("x", maxValueJSON)}},
		"a default that does not fit: a: is a string": {{Name: "a", Type: TypeInteger, Default: "x"}},
		"an example that does not fit: a: ":           {{Name: "a", OneOf: []string{"x"}, Example: "y"}},
		"a.b is there twice":                          {{Name: "a", Type: TypeTable, Fields: Schema{{Name: "b"}, {Name: "b"}}}},
		"has more than 200 fields":                    wide,
		"has more than 200 fields in":                 deep,
		"has more than 200 fields in ":                endless,
		"has more than 200 fields in a":               all,
	} {
		err := s.Validate()
		if err == nil || CodeOf(err) != Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if err := moon().Validate(); err != nil {
		t.Error(err)
	}
}

func TestSchemaCrossesTheWire(t *testing.T) {
	for _, s := range []Schema{nil, {}, moon()} {
		p, err := s.toProto()
		if err != nil {
			t.Fatal(err)
		}
		got, err := schemaFromProto(p)
		if err != nil {
			t.Fatal(err)
		}
		// Numbers arrive as float64, and a type that was left out as what it means.
		want := append(Schema{}, s...)
		if s == nil {
			want = nil
		}
		if !reflect.DeepEqual(spelledOut(got), spelledOut(want)) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
	if _, err := (Schema{{Name: "a", Default: make(chan int)}}).toProto(); err == nil {
		t.Error("a channel crosses the wire")
	}
}

func spelledOut(s Schema) Schema {
	if s == nil {
		return nil
	}
	all := Schema{}
	for _, f := range s {
		f.Type, f.Fields = f.kind(), spelledOut(f.Fields)
		for _, v := range []*any{&f.Default, &f.Example} {
			if n, ok := number(*v); ok {
				*v = n
			}
		}
		all = append(all, f)
	}
	return all
}

// FuzzSchema reads what a plugin states as its schema, and holds a table that it
// has never seen against it.
func FuzzSchema(f *testing.F) {
	p, err := moon().toProto()
	if err != nil {
		f.Fatal(err)
	}
	seed, err := proto.Marshal(p)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed, `{"region": "far", "net": {"mtu": 1}, "zones": ["a"]}`)
	f.Add(seed, `{"token": 1, "keys": [[]], "volumes": [{}], "labels": {"a.b": {}}}`)
	f.Fuzz(func(t *testing.T, stated []byte, table string) {
		var p pluginv1.Schema
		if proto.Unmarshal(stated, &p) != nil {
			return
		}
		s, err := schemaFromProto(&p)
		if err != nil {
			if CodeOf(err) != Invalid || len(err.Error()) > 1<<16 {
				t.Errorf("%d bytes with code %q: %v", len(err.Error()), CodeOf(err), err)
			}
			return
		}
		crossesAgain(t, s)
		var config map[string]any
		if json.Unmarshal([]byte(table), &config) == nil {
			checksTwice(t, s, config)
		}
		secret := map[string]any{}
		for _, f := range s {
			if secret[f.Name] = []any{"hunter2"}; f.Secret {
				secret[f.Name] = "hunter2"
			}
		}
		_, errs := s.Check("config", secret)
		for _, e := range errs {
			if strings.Contains(e.Error(), "hunter2") && !strings.Contains(string(stated), "hunter2") {
				t.Errorf("tells a secret: %v", e)
			}
		}
	})
}

func crossesAgain(t *testing.T, s Schema) {
	p, err := s.toProto()
	if err != nil {
		t.Fatalf("%+v cannot be sent again: %v", s, err)
	}
	if again, err := schemaFromProto(p); err != nil || !reflect.DeepEqual(spelledOut(again), spelledOut(s)) {
		t.Errorf("read %+v\nagain %+v, %v", s, again, err)
	}
}

// checksTwice holds that what Check gives passes it.
func checksTwice(t *testing.T, s Schema, config map[string]any) {
	full, errs := s.Check("config", config)
	for _, e := range errs {
		if e.Code != Invalid || !strings.HasPrefix(e.Field, "config.") {
			t.Errorf("%v has code %q, field %q", e, e.Code, e.Field)
		}
	}
	if len(errs) > 0 {
		return
	}
	again, errs := s.Check("config", full)
	if len(errs) > 0 || !reflect.DeepEqual(again, full) {
		t.Errorf("%v became %v, then %v, %v", config, full, again, errs)
	}
}
