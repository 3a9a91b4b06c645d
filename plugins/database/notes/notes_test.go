package notes

import (
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	good := []Note{
		{Installation: "i", Token: "t", Name: "shop"},
		{Token: "t", Name: "shop", Instance: "ü", Tags: map[string]string{"a": "b\"\\"}, Sealed: "1:x"},
		{Name: "shop", Persistent: true},
		{Token: "t", Name: "shop", Persistent: true, Of: "w_x"},
	}
	for _, n := range good {
		text, err := n.Text()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Parse(text); err != nil || !reflect.DeepEqual(*got, n) {
			t.Errorf("%s is read as %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "Default virtual host", "null", "{}", "[]", `{"name":"shop"}`, `{"token":"t"}`, `{"name":"shop","token":"t","of":"x"}`,
		`{"name":"shop","token":"t","persistent":true}`, `{"name":"shop","persistent":true,"of":"x"}`, `{"name":"a\nb","token":"t"}`,
		`{"name":"shop","token":"\u0000"}`, `{"name":"shop","token":7}`, `{"name":"shop","token":"t","tags":{"":"x"}}`,
		`{"name":"shop","token":"` + strings.Repeat("t", 4096) + `"}`, `{"name":"shop","token":"t","more":"` + strings.Repeat("t", maxNote) + `"}`,
	} {
		if n, err := Parse([]byte(text)); err == nil {
			t.Errorf("%.80q is read as %+v", text, n)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"wright":"i","token":"t","name":"shop","tags":{"a":"b"},"sealed":"1:x"}`))
	f.Add([]byte(`{"name":"shop","persistent":true,"token":"t","of":"w_x"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := Parse(text)
		if err != nil {
			return
		}
		again, err := n.Text()
		if err != nil {
			t.Fatal(err)
		}
		if len(again) > maxNote {
			return
		}
		if got, err := Parse(again); err != nil || got.Token != n.Token || got.Name != n.Name || len(got.Tags) != len(n.Tags) {
			t.Errorf("%q is read as %+v, %v", again, got, err)
		}
	})
}

func TestKeys(t *testing.T) {
	seen := map[string]string{}
	for _, id := range [][4]string{
		{"i", "t", "shop", "main"}, {"i", "t2", "sho", "pmain"}, {"j", "t", "shop", "main"}, {"i", "T", "Shop", "main"}, {"it", "", "shop", "Main"},
		{"i", strings.Repeat("t", 1024), strings.Repeat("s", 1024), "1"}, {"i", strings.Repeat("t", 1023) + "u", strings.Repeat("s", 1024), "2"},
	} {
		k := keysOf(id[0], id[1], id[2], id[3])
		for _, key := range []Key{k.own, k.use, k.home} {
			if other, ok := seen[key.Name]; ok || len(key.Name) > nameSize {
				t.Errorf("%.40q and %.40q: %s", other, id, key.Name)
			}
			seen[key.Name] = strings.Join(id[:], " ")
		}
	}
	// They must never change: what was made under them would be lost.
	k := keysOf("installation", "token", "instance", "name")
	if got := k.own.Name + " " + k.use.Name + " " + k.home.Name; got != "w_tpohj7wjjsf4ag44 w_uitpwlcf7qwtzalk w_instance_name_zzbkwuhj6u6bvv5c" {
		t.Errorf("the keys are %s", got)
	}
}
