package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

// lease is what stands on a host, as one line of JSON: whose it is.
type lease struct {
	Wright  int               `json:"wright"`          // version of the format
	Owner   string            `json:"owner,omitempty"` // the installation, which the token is one of; empty in older leases, which are anybody's
	Token   string            `json:"token"`
	Name    string            `json:"name"`
	Tags    map[string]string `json:"tags,omitempty"`
	Port    int               `json:"port,omitempty"`
	Clean   string            `json:"clean,omitempty"`
	Created time.Time         `json:"created"`
	State   string            `json:"state"` // of package cloud; starting: claimed, but another host may be, too
}

const leaseVersion = 1

// options is the provider's table of a manifest.
type options struct {
	Port  int    `json:"port"`
	Clean string `json:"clean"`
}

func newLease(s cloud.Spec, now time.Time) (lease, error) {
	var o options
	if err := plugins.ReadConfig(s.Config, &o); err != nil {
		return lease{}, err
	}
	if s.Image != "" {
		return lease{}, plugins.Invalidf("image", "hosts of an inventory have what is on them, and no images such as %.80q", s.Image)
	}
	if o.Port < 0 || o.Port > 65535 {
		return lease{}, plugins.Invalidf("config.port", "%d is no port", o.Port)
	}
	if err := checkCommand("config.clean", o.Clean); err != nil {
		return lease{}, err
	}
	return lease{
		Wright: leaseVersion, Token: s.Token, Name: s.Name, Tags: s.Tags, Port: o.Port, Clean: o.Clean,
		Created: now.UTC(), State: cloud.Starting,
	}, nil
}

// checkCommand refuses what no shell can be given.
func checkCommand(field, command string) error {
	if len(command) > 16<<10 || strings.ContainsRune(command, 0) {
		return plugins.Invalidf(field, "is too long for a command, or holds a NUL")
	}
	return nil
}

// text is the line on the host.
func (l lease) text() (string, error) {
	b, err := json.Marshal(l)
	if err != nil {
		return "", fmt.Errorf("write the lease: %w", err)
	}
	return string(b), nil
}

func (l lease) as(state string) lease {
	l.State = state
	return l
}

// parseLease reads the line of a host. What is not of this form is somebody
// else's, and holds the host all the same.
func parseLease(text string) (lease, error) {
	var l lease
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		return l, fmt.Errorf("read the lease: %w", err)
	}
	if l.Wright != leaseVersion || l.Token == "" || !slices.Contains([]string{cloud.Starting, cloud.Running, cloud.Deleting}, l.State) {
		return l, errors.New("read the lease: it is of another version")
	}
	return l, nil
}

// seen is what one look at a host found.
type seen struct {
	at    int    // the host's place in the inventory
	text  string // of the lease; empty: it is free
	lease lease
	known bool  // lease was read
	err   error // the host does not answer
}

// Actions on hosts.
const (
	give    = "give"    // the server is there
	confirm = "confirm" // it is claimed, and nobody else is in the way
	drop    = "drop"    // another host is claimed for the same token
	claim   = "claim"   // take a free host
	wait    = "wait"    // it is being deleted
	full    = "full"    // no host is free
)

// decide says what comes next for a token, and at which of the hosts. Every
// agent sees the same leases and decides the same, whatever order they came in:
// who has claimed a host looks at all hosts again before that is confirmed, and
// of two claims one is dropped before the other is confirmed.
func decide(token string, all []seen, suits func(at int) bool) (string, seen) {
	var own []seen
	for _, s := range all {
		if s.known && s.lease.Token == token {
			own = append(own, s)
		}
	}
	slices.SortFunc(own, func(a, b seen) int {
		return cmp.Or(cmp.Compare(stage(b.lease), stage(a.lease)), a.lease.Created.Compare(b.lease.Created), cmp.Compare(a.at, b.at))
	})
	switch {
	case len(own) > 0 && own[0].lease.State == cloud.Deleting:
		return wait, own[0]
	case len(own) > 1 && own[len(own)-1].lease.State == cloud.Starting:
		return drop, own[len(own)-1]
	case len(own) > 0 && own[0].lease.State == cloud.Starting:
		return confirm, own[0]
	case len(own) > 0:
		return give, own[0]
	}
	var free []seen
	for _, s := range all {
		if s.err == nil && s.text == "" && suits(s.at) {
			free = append(free, s)
		}
	}
	if len(free) == 0 {
		return full, seen{}
	}
	// Agents that make different servers begin at different hosts.
	return claim, slices.MinFunc(free, func(a, b seen) int { return cmp.Compare(rank(token, a.at), rank(token, b.at)) })
}

// stage orders the states: what is confirmed comes before what is claimed.
func stage(l lease) int {
	return slices.Index([]string{cloud.Starting, cloud.Running, cloud.Deleting}, l.State)
}

func rank(token string, at int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", at, token))
	return hex.EncodeToString(sum[:8])
}
