package main

import (
	"bytes"
	"net/netip"
	"net/url"
	"strings"

	"github.com/wright-build/wright/plugins"
)

// marker begins the comment of the provider's own lines. After it stand the
// installation and, after a blank, its other tags, both escaped like the query
// of a URL, so that no tag can hold a line break or another comment:
//
//	127.64.3.9	shop.example.test	# wright:7f3a instance=shop
const marker = "# wright:"

// line is one of the provider's own lines.
type line struct {
	address netip.Addr
	domain  string
	tags    map[string]string
}

// String gives the line without its line break.
func (l line) String() string {
	rest := url.Values{}
	for k, v := range l.tags {
		if k != plugins.InstallationTag {
			rest.Set(k, v)
		}
	}
	s := l.address.String() + "\t" + l.domain + "\t" + marker + url.QueryEscape(l.tags[plugins.InstallationTag])
	if len(rest) > 0 {
		s += " " + rest.Encode()
	}
	return s
}

// parseLine reads a line of the file; what is not exactly of the provider's own
// form is somebody else's.
func parseLine(b []byte) (line, bool) {
	before, comment, ok := strings.Cut(strings.TrimRight(string(b), "\r\n"), marker)
	fields := strings.Fields(before)
	if !ok || len(fields) != 2 || strings.Contains(before, "#") {
		return line{}, false
	}
	address, err := netip.ParseAddr(fields[0])
	if err != nil {
		return line{}, false
	}
	tags, ok := parseTags(comment)
	return line{address: address, domain: fields[1], tags: tags}, ok
}

func parseTags(comment string) (map[string]string, bool) {
	first, query, _ := strings.Cut(comment, " ")
	installation, err := url.QueryUnescape(first)
	if err != nil || installation == "" {
		return nil, false
	}
	rest, err := url.ParseQuery(query)
	if err != nil {
		return nil, false
	}
	tags := map[string]string{}
	for k := range rest {
		tags[k] = rest.Get(k)
	}
	tags[plugins.InstallationTag] = installation
	return tags, true
}

// owns says whether the line belongs to an installation and a domain.
func (l line) owns(installation, domain string) bool {
	return l.tags[plugins.InstallationTag] == installation && l.domain == domain
}

// replace gives the file with the installation's lines of the domain replaced by
// fresh, which stand where the first of them stood, or else at the end.
func replace(file []byte, installation, domain string, fresh []line) []byte {
	var out bytes.Buffer
	written := false
	emit := func() {
		if n := out.Len(); n > 0 && out.Bytes()[n-1] != '\n' && len(fresh) > 0 {
			out.WriteByte('\n')
		}
		for _, l := range fresh {
			out.WriteString(l.String() + "\n")
		}
		written = true
	}
	for b := range bytes.Lines(file) {
		if l, ok := parseLine(b); !ok || !l.owns(installation, domain) {
			out.Write(b)
		} else if !written {
			emit()
		}
	}
	if !written {
		emit()
	}
	return out.Bytes()
}
