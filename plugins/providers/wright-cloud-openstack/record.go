package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/cloud/packed"
)

// record is what is kept with a server, in its metadata, and as much of it as
// there is room for with its port. The clouds have rules for texts that ours do
// not follow (lengths, letters, cases), so it is packed.
type record struct {
	Token   string            `json:"t"`
	Name    string            `json:"n,omitempty"`
	Tags    map[string]string `json:"g,omitempty"`
	Created time.Time         `json:"c"`
	Address string            `json:"a,omitempty"`
	Inner   string            `json:"i,omitempty"` // the address behind the floating IP
	Port    int               `json:"p,omitempty"`
	User    string            `json:"u,omitempty"`
	Ports   []string          `json:"k,omitempty"` // their IDs; the first is the claim
	Group   string            `json:"s,omitempty"` // the security group that follows from the rules
}

func newRecord(s cloud.Spec, o options, installation string, now time.Time) record {
	tags := maps.Clone(s.Tags)
	if _, ok := tags[plugins.InstallationTag]; !ok && installation != "" {
		tags = maps.Clone(tags)
		if tags == nil {
			tags = map[string]string{}
		}
		tags[plugins.InstallationTag] = installation
	}
	return record{Token: s.Token, Name: s.Name, Tags: tags, Created: now.UTC(), Port: o.Port, User: o.SSHUser}
}

// server is the record as callers see it.
func (r record) server(state string) cloud.Server {
	vars := map[string]string{}
	set := func(name, value string) {
		if value != "" {
			vars["WRIGHT_APPSERVER_"+name] = value
		}
	}
	set("ADDRESS", r.Address)
	set("PRIVATE_ADDRESS", r.Inner)
	set("USER", r.User)
	if r.Port != 0 {
		set("PORT", fmt.Sprint(r.Port))
	}
	return cloud.Server{
		Token: r.Token, Name: r.Name, Address: r.Address, Port: r.Port, State: state, Tags: r.Tags, CreatedAt: r.Created, Variables: vars,
	}
}

// How much there may be of what is packed.
const (
	maxValue = 255 // characters of a value of nova's, and of a port's description
	maxParts = 90  // of the 128 metadata that most clouds allow
)

// partKey names a part of a packed record in the metadata of a server.
func partKey(i int) string { return fmt.Sprintf("wright-record-%02d", i) }

// metadata gives what nova keeps with the server: the record, and for people who
// look at it there those tags of Wright's own that nova takes as they are.
func (r record) metadata() (map[string]string, error) {
	text, err := packed.Pack(r)
	if err != nil {
		return nil, err
	}
	data := map[string]string{}
	for i := 0; len(text) > 0; i++ {
		if i == maxParts {
			return nil, plugins.Invalidf("tags", "the tags are too long: the metadata of a server hold no more than %d characters, packed", maxParts*maxValue)
		}
		n := min(len(text), maxValue)
		data[partKey(i)], text = text[:n], text[n:]
	}
	for key, value := range r.Tags {
		if plainKey.MatchString(key) && plainValue.MatchString(value) && !strings.HasPrefix(key, "wright-record-") {
			data[key] = value
		}
	}
	return data, nil
}

var (
	plainKey   = regexp.MustCompile(`^wright-[a-z0-9-]{1,80}$`)
	plainValue = regexp.MustCompile(`^[ -~]{0,255}$`)
)

// fromMetadata reads what metadata made. Anybody in the project may have changed it.
func fromMetadata(data map[string]string) (record, error) {
	var text strings.Builder
	for i := range maxParts {
		part, ok := data[partKey(i)]
		if !ok {
			break
		}
		text.WriteString(part)
	}
	return unpack(text.String())
}

// description packs what of the record goes into the description of a port.
func (r record) description() (string, error) {
	for _, try := range []record{r, {Token: r.Token, Created: r.Created, Tags: r.installation()}} {
		text, err := packed.Pack(try)
		if err != nil {
			return "", err
		}
		if len(text) <= maxValue {
			return text, nil
		}
	}
	return "", plugins.Invalidf("token", "is too long: the description of a port must hold it")
}

// fits says whether the cloud can keep the record, before anything is made.
func (r record) fits() error {
	r.Address, r.Inner, r.Ports = strings.Repeat("f", 39), strings.Repeat("f", 39), []string{strings.Repeat("f", 36)}
	r.Group = strings.Repeat("f", 50)
	if _, err := r.metadata(); err != nil {
		return err
	}
	_, err := r.description()
	return err
}

// claim is the port that stands for the token.
func (r record) claim() string {
	if len(r.Ports) == 0 {
		return ""
	}
	return r.Ports[0]
}

func (r record) installation() map[string]string {
	if id, ok := r.Tags[plugins.InstallationTag]; ok {
		return map[string]string{plugins.InstallationTag: id}
	}
	return nil
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
	for field, host := range map[string]string{"address": r.Address, "inner address": r.Inner} {
		if host != "" {
			if err := plugins.CheckHost(field, host); err != nil {
				return err
			}
		}
	}
	if r.Port < 0 || r.Port > 65535 {
		return plugins.Invalidf("port", "%d is no port", r.Port)
	}
	return plugins.CheckText("user", r.User)
}

// identity is under which names things of one token are found.
type identity struct{ installation, token string }

// identify hashes: the names at the cloud are short, and ours must not collide.
func identify(installation, token string) identity {
	return identity{digest(installation)[:12], digest(token)[:32]}
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// prefix begins the names of all that belongs to the installation.
func (i identity) prefix() string { return "wright-" + i.installation + "-" }

// name is that of the token's ports and floating IPs.
func (i identity) name() string { return i.prefix() + i.token }

// tags are those of the token's server, by which nova selects.
func (i identity) tags() []string { return []string{i.installationTag(), i.tokenTag()} }

func (i identity) installationTag() string { return "wright-i-" + i.installation }
func (i identity) tokenTag() string        { return "wright-t-" + i.installation + "-" + i.token }

// hostname is a name for nova, which makes the server's host name of it.
func (i identity) hostname(name string) string {
	plain := strings.Trim(notHostname.ReplaceAllString(strings.ToLower(name), "-"), "-")
	plain = strings.Trim(plain[:min(len(plain), 48)], "-")
	if plain == "" {
		plain = "wright"
	}
	return plain + "-" + i.token[:10]
}

var notHostname = regexp.MustCompile(`[^a-z0-9]+`)
