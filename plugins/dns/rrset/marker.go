package rrset

import (
	"net/url"
	"slices"
	"strings"

	"github.com/wright-build/wright/plugins"
)

// Marker says whose the records of a domain are.
type Marker struct {
	Domain string
	Types  []string // of the records that are Wright's; sorted
	Tags   map[string]string
}

const (
	reserved     = "_wright"
	ownLabel     = reserved + "."
	wildLabel    = reserved + "-wildcard."
	markerBegin  = "wright1 "
	maxMarker    = 4 << 10 // bytes of a marker that is written
	maxMarkerGot = 8 << 10 // and of one that is read
)

// MarkerName is the name at which the marker of a domain stands. That of a wildcard
// has no asterisk, which would be none there, but a first label of its own.
func MarkerName(domain string) string {
	if rest, ok := strings.CutPrefix(domain, "*."); ok {
		return wildLabel + rest
	}
	return ownLabel + domain
}

// MarkedDomain is the way back, false for a name that is no marker's.
func MarkedDomain(name string) (string, bool) {
	if rest, ok := strings.CutPrefix(name, wildLabel); ok {
		return "*." + rest, true
	}
	return strings.CutPrefix(name, ownLabel)
}

// String gives the marker's text: printable ASCII without quotes and
// backslashes, so that no server needs to escape it.
//
//	wright1 shop.example.test A,TXT instance=shop&wright-installation=7f3a
//
// The domain is in it because a wildcard may answer in the place of a marker.
func (m Marker) String() string {
	tags := url.Values{}
	for k, v := range m.Tags {
		tags.Set(k, v)
	}
	types := strings.Join(m.Types, ",")
	if types == "" {
		types = "-"
	}
	return markerBegin + m.Domain + " " + types + " " + tags.Encode()
}

// check refuses a marker that could not be written.
func (m Marker) check() error {
	if m.Tags[plugins.InstallationTag] == "" {
		return noOwner()
	}
	if n := len(m.String()); n > maxMarker {
		return plugins.Invalidf("tags", "are too long: with the domain they take %d bytes of a TXT record, at most %d", n, maxMarker)
	}
	return nil
}

// ParseMarker reads the text of a domain's marker; anything else is somebody else's.
func ParseMarker(domain, text string) (Marker, bool) {
	if normal, err := Normal(domain); err != nil || normal != domain {
		return Marker{}, false
	}
	rest, ok := strings.CutPrefix(text, markerBegin)
	fields := strings.Split(rest, " ")
	if !ok || len(text) > maxMarkerGot || len(fields) != 3 || fields[0] != domain {
		return Marker{}, false
	}
	m := Marker{Domain: domain, Tags: map[string]string{}}
	for t := range strings.SplitSeq(fields[1], ",") {
		if fields[1] == "-" {
			break
		}
		if !slices.Contains(Types(), t) {
			return Marker{}, false
		}
		m.Types = append(m.Types, t)
	}
	slices.Sort(m.Types)
	m.Types = slices.Compact(m.Types)
	tags, err := url.ParseQuery(fields[2])
	if err != nil {
		return Marker{}, false
	}
	for k := range tags {
		m.Tags[k] = tags.Get(k)
	}
	return m, m.Tags[plugins.InstallationTag] != "" && plugins.CheckTags(m.Tags) == nil
}
