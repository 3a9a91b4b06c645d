package main

import (
	"crypto/rand"
	"encoding/hex"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/cloud/packed"
)

func someRecord() record {
	return record{
		Token: "shop-000012-1", Name: "Ünï \"cödé\"", Tags: map[string]string{plugins.InstallationTag: "i-1", "Größe": "\U0001F600 x", "empty": ""},
		Created: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Address: "192.0.2.7", Inner: "10.0.0.7", Port: 8080, User: "debian", Ports: []string{"p1", "p2"},
	}
}

func TestMetadataHoldTheRecord(t *testing.T) {
	want := someRecord()
	for i := range 60 {
		want.Tags[strings.Repeat("k", i+1)] = strings.Repeat("ü", 100)
	}
	data, err := want.metadata()
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > 128 {
		t.Errorf("%d metadata are more than most clouds allow", len(data))
	}
	for k, v := range data {
		if len(k) > 255 || len(v) > 255 {
			t.Errorf("%q has %d characters, %d in its value", k, len(k), len(v))
		}
	}
	got, err := fromMetadata(data)
	if err != nil || got.Token != want.Token || got.Name != want.Name || !maps.Equal(got.Tags, want.Tags) || !got.Created.Equal(want.Created) ||
		got.Address != want.Address || got.claim() != "p1" {
		t.Errorf("%+v came back as %+v, %v", want, got, err)
	}
	if data[plugins.InstallationTag] != "i-1" {
		t.Errorf("people do not see whose server it is: %v", data)
	}
}

func TestWhatIsTooLongIsRefused(t *testing.T) {
	noise := func(n int) string {
		b := make([]byte, n/2)
		_, _ = rand.Read(b)
		return hex.EncodeToString(b)
	}
	tags := map[string]string{}
	for range 64 {
		tags[noise(1000)] = noise(1000)
	}
	for name, r := range map[string]record{"token": {Token: noise(1000)}, "tags": {Token: "t", Tags: tags}} {
		if err := r.fits(); plugins.CodeOf(err) != plugins.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDescriptionKeepsWhatMatters(t *testing.T) {
	r := someRecord()
	for i := range 30 {
		r.Tags[rand.Text()] = strings.Repeat("x", i) + rand.Text()
	}
	packed, err := r.description()
	if err != nil || len(packed) > maxValue {
		t.Fatalf("%d characters, %v", len(packed), err)
	}
	got, err := unpack(packed)
	if err != nil || got.Token != r.Token || got.Tags[plugins.InstallationTag] != "i-1" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestNamesDoNotCollide(t *testing.T) {
	seen := map[string]string{}
	long := strings.Repeat("x", 500)
	for _, installation := range []string{"", "a", "b"} {
		for _, token := range []string{"", "a", "A", "a-", "ab", long, long + "y", "a/b", "a b"} {
			id := identify(installation, token)
			if other, twice := seen[id.name()]; twice {
				t.Errorf("%q and %q have the same name", other, installation+" "+token)
			}
			seen[id.name()] = installation + " " + token
			for _, tag := range id.tags() {
				if len(tag) > 60 || strings.ContainsAny(tag, ",/") {
					t.Errorf("nova does not take the tag %q", tag)
				}
			}
			if n := id.hostname(token); len(n) > 63 || notHostname.MatchString(strings.ReplaceAll(n, "-", "")) || n[0] == '-' {
				t.Errorf("%q is no host name", n)
			}
		}
	}
}

func TestTheInstallationIsAlwaysATag(t *testing.T) {
	given := map[string]string{"a": "b"}
	r := newRecord(cloud.Spec{Token: "t", Tags: given}, options{}, "i-1", time.Now())
	if r.Tags[plugins.InstallationTag] != "i-1" || len(given) != 1 {
		t.Errorf("got %v, the caller's are %v", r.Tags, given)
	}
}

func FuzzUnpack(f *testing.F) {
	text, err := packed.Pack(someRecord())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add("")
	f.Add("e30")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := unpack(s)
		if err != nil {
			return
		}
		if err := (cloud.Spec{Token: r.Token, Name: r.Name, Tags: r.Tags}).Validate(); err != nil {
			t.Errorf("a host refuses it: %v", err)
		}
	})
}
