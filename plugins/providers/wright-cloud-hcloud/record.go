package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/cloud/packed"
)

// record is what is kept with a server, in its labels. Labels hold 63 letters of
// few kinds, so it is packed.
type record struct {
	Token   string            `json:"t"`
	Name    string            `json:"n,omitempty"`
	Tags    map[string]string `json:"g,omitempty"`
	Created time.Time         `json:"c"`
	Port    int               `json:"p,omitempty"`
	User    string            `json:"u,omitempty"`
}

func newRecord(s cloud.Spec, o options, installation string, now time.Time) record {
	tags := maps.Clone(s.Tags)
	if _, ok := tags[plugins.InstallationTag]; !ok && installation != "" {
		if tags == nil {
			tags = map[string]string{}
		}
		tags[plugins.InstallationTag] = installation
	}
	return record{Token: s.Token, Name: s.Name, Tags: tags, Created: now.UTC(), Port: o.Port, User: o.SSHUser}
}

// How labels are: https://docs.hetzner.cloud/reference/cloud#description/labels.
const (
	maxLabel = 63
	maxParts = 60 // Hetzner names no limit; one has to be

	installationLabel = "wright-i"
	tokenLabel        = "wright-t"
	partLabel         = "wright-r"
)

var (
	plainKey   = regexp.MustCompile(`^wright-[a-z0-9-]{2,50}[a-z0-9]$`)
	plainValue = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$`)
)

// partKey names a part of a packed record.
func partKey(i int) string { return fmt.Sprintf("%s%02d", partLabel, i) }

// labels gives what the cloud keeps with the server: the record, what it is found
// by, and for people who look at it there those tags of Wright's own that labels
// can hold.
func (r record) labels(id identity) (map[string]string, error) {
	text, err := packed.Pack(r)
	if err != nil {
		return nil, err
	}
	labels := id.labels()
	for i := 0; len(text) > 0; i++ {
		if i == maxParts {
			return nil, plugins.Invalidf("tags", "the tags are too long: the labels of a server hold no more than %d characters, packed", maxParts*(maxLabel-2))
		}
		n := min(len(text), maxLabel-2)
		labels[partKey(i)] = "r" + text[:n] + "r" // they begin and end with a letter
		text = text[n:]
	}
	for key, value := range r.Tags {
		if _, taken := labels[key]; !taken && plainKey.MatchString(key) && plainValue.MatchString(value) && !strings.HasPrefix(key, partLabel) {
			labels[key] = value
		}
	}
	return labels, nil
}

// fromLabels reads what labels made. Anybody in the project may have changed it.
func fromLabels(labels map[string]string) (record, error) {
	var text strings.Builder
	for i := range maxParts {
		part, ok := labels[partKey(i)]
		if !ok {
			break
		}
		if len(part) < 3 {
			return record{}, errors.New("it is no record: a label is too short")
		}
		text.WriteString(part[1 : len(part)-1])
	}
	return unpack(text.String())
}

func unpack(text string) (record, error) {
	var r record
	if err := packed.Unpack(text, &r); err != nil {
		return r, err
	}
	return r, r.check()
}

// check refuses what would spoil every list.
func (r record) check() error {
	s := cloud.Spec{Token: r.Token, Name: r.Name, Tags: r.Tags}
	if err := s.Validate(); err != nil {
		return err
	}
	if r.Port < 0 || r.Port > 65535 {
		return plugins.Invalidf("port", "%d is no port", r.Port)
	}
	return plugins.CheckText("user", r.User)
}

// identity is under which names things of one token are found.
type identity struct {
	installation, token string // hashed: our names are long, and must not collide
	word                string // of the token, for people
}

func identify(installation, token string) identity {
	return identity{digest(installation)[:16], digest(installation + "\x00" + token)[:32], plainWord(token, 24)}
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

var notPlain = regexp.MustCompile(`[^a-z0-9]+`)

// plainWord is what of a text can be in a host name, at most n letters.
func plainWord(text string, n int) string {
	plain := strings.Trim(notPlain.ReplaceAllString(strings.ToLower(text), "-"), "-")
	plain = strings.Trim(plain[:min(len(plain), n)], "-")
	if plain == "" {
		return "wright"
	}
	return plain
}

// name is the server's: a valid host name, as Hetzner wants it.
func (i identity) name() string { return i.word + "-" + i.token }

func (i identity) labels() map[string]string {
	return map[string]string{installationLabel: i.installation, tokenLabel: i.token}
}

// all selects everything of the installation, one what is of this token.
func (i identity) all() string { return installationLabel + "==" + i.installation }
func (i identity) one() string { return i.all() + "," + tokenLabel + "==" + i.token }
