package main

import (
	"bytes"
	"maps"
	"net/netip"
	"strings"
	"testing"

	"github.com/wright-build/wright/plugins"
)

func tagsOf(installation string) map[string]string {
	return map[string]string{plugins.InstallationTag: installation}
}

func lineOf(address, domain, installation string) line {
	return line{address: netip.MustParseAddr(address), domain: domain, tags: tagsOf(installation)}
}

func TestReplace(t *testing.T) {
	fresh := []line{lineOf("192.0.2.1", "shop.test", "me"), lineOf("2001:db8::1", "shop.test", "me")}
	const written = "192.0.2.1\tshop.test\t# wright:me\n2001:db8::1\tshop.test\t# wright:me\n"
	tests := []struct {
		name, before string
		fresh        []line
		after        string
	}{
		{"an empty file", "", fresh, written},
		{"nothing to nothing", "", nil, ""},
		{"at the end", "127.0.0.1 localhost\n", fresh, "127.0.0.1 localhost\n" + written},
		{"no line break at the end", "127.0.0.1 localhost", fresh, "127.0.0.1 localhost\n" + written},
		{"nothing to add, no line break", "127.0.0.1 localhost", nil, "127.0.0.1 localhost"},
		{"in place", "a\n10.0.0.1 shop.test # wright:me\nb", fresh, "a\n" + written + "b"},
		{"in place of several", "10.0.0.1 shop.test # wright:me\n# x\n10.0.0.2\tshop.test\t# wright:me a=b\n\n", fresh, written + "# x\n\n"},
		{"delete", "a\r\n10.0.0.1 shop.test # wright:me\r\nb\r\n", nil, "a\r\nb\r\n"},
		{"another installation", "10.0.0.1 shop.test # wright:you\n", fresh, "10.0.0.1 shop.test # wright:you\n" + written},
		{"another domain", "10.0.0.1 shop.test2 # wright:me\n", nil, "10.0.0.1 shop.test2 # wright:me\n"},
		{"somebody's own line", "10.0.0.1 shop.test\n", nil, "10.0.0.1 shop.test\n"},
		{"not its form", "10.0.0.1 shop.test www.shop.test # wright:me\n", nil, "10.0.0.1 shop.test www.shop.test # wright:me\n"},
		{"commented out", "#10.0.0.1 shop.test # wright:me\n", nil, "#10.0.0.1 shop.test # wright:me\n"},
		{"bytes that are no text", "\xff\x00\x01\n\r\r\n", fresh, "\xff\x00\x01\n\r\r\n" + written},
	}
	for _, tt := range tests {
		if got := string(replace([]byte(tt.before), "me", "shop.test", tt.fresh)); got != tt.after {
			t.Errorf("%s:\n got %q\nwant %q", tt.name, got, tt.after)
		}
	}
}

func TestTagsInLines(t *testing.T) {
	for _, evil := range []string{"a b", "\n10.0.0.1 bank.test # wright:me", "#", "%0a", "ü", "a=b&c=d", "# wright:you", ""} {
		l := lineOf("192.0.2.1", "shop.test", "me "+evil)
		l.tags["k "+evil] = "v " + evil
		s := l.String()
		got, ok := parseLine([]byte(s + "\n"))
		if !ok || strings.ContainsAny(s, "\r\n") || got.domain != l.domain || got.address != l.address || !maps.Equal(got.tags, l.tags) {
			t.Errorf("%q came back as %v, %v", s, got, ok)
		}
	}
}

// Whatever a file holds, lines that are not the provider's stay as they are, and
// what is written is read back.
func FuzzReplace(f *testing.F) {
	f.Add([]byte("127.0.0.1 localhost\n10.0.0.1 shop.test # wright:me\n"), "me", "k", "v")
	f.Add([]byte("10.0.0.1\tshop.test\t# wright:me%zz a=%"), "me ", "=", "\n")
	f.Fuzz(func(t *testing.T, file []byte, installation, key, value string) {
		if installation == "" || key == "" || key == plugins.InstallationTag {
			return
		}
		l := lineOf("192.0.2.1", "shop.test", installation)
		l.tags[key] = value
		after := replace(file, installation, "shop.test", []line{l})
		if got, want := foreign(after, installation), foreign(file, installation); !bytes.Equal(
			bytes.TrimSuffix(got, []byte("\n")), bytes.TrimSuffix(want, []byte("\n"))) {
			t.Errorf("foreign lines %q became %q", want, got)
		}
		own := 0
		for b := range bytes.Lines(after) {
			if p, ok := parseLine(b); ok && p.owns(installation, "shop.test") {
				own++
				if !maps.Equal(p.tags, l.tags) {
					t.Errorf("tags %v came back as %v", l.tags, p.tags)
				}
			}
		}
		if own != 1 {
			t.Errorf("%d own lines in %q", own, after)
		}
		if again := replace(after, installation, "shop.test", []line{l}); !bytes.Equal(again, after) {
			t.Errorf("the same again turned %q into %q", after, again)
		}
	})
}

func foreign(file []byte, installation string) []byte {
	var out []byte
	for b := range bytes.Lines(file) {
		if l, ok := parseLine(b); !ok || !l.owns(installation, "shop.test") {
			out = append(out, b...)
		}
	}
	return out
}
