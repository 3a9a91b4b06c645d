package dns

import (
	"strings"
	"testing"

	"github.com/wright-build/wright/plugins"
)

func TestCheckDomain(t *testing.T) {
	label := strings.Repeat("x", 63)
	good := []string{"a", "shop.example.test", "shop.example.test.", "*.example.test", "_acme-challenge.x", "X-1.Y", label + ".test"}
	bad := []string{
		"", ".", "..", "*", "*.", "a..b", ".a", "-a.b", "a-.b", "a b", "a\nb", "a/b", "a.*", "ü.test", "a\x00b", "a#b",
		label + "x.test", strings.Repeat("abcdefg.", 32) + "com", "a..",
	}
	for _, d := range good {
		if err := CheckDomain(d); err != nil {
			t.Errorf("%q: %v", d, err)
		}
	}
	for _, d := range bad {
		if err := CheckDomain(d); plugins.CodeOf(err) != plugins.Invalid {
			t.Errorf("%q: %v, want the code invalid", d, err)
		}
	}
}

func TestCheckRecords(t *testing.T) {
	tests := []struct {
		name    string
		records []Record
		ok      bool
	}{
		{"none", nil, true},
		{"one", []Record{{Type: "TXT", Value: "v=spf1 -all", TTL: 60e9}}, true},
		{"no type", []Record{{Value: "x"}}, false},
		{"no value", []Record{{Type: "A"}}, false},
		{"line break", []Record{{Type: "TXT", Value: "a\nb"}}, false},
		{"negative", []Record{{Type: "A", Value: "x", TTL: -1}}, false},
		{"too many", make([]Record, MaxRecords+1), false},
	}
	for _, tt := range tests {
		if err := check("a.test", tt.records, nil); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
