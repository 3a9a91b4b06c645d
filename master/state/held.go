package state

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Place is a provider at an agent: each agent has its own settings and, of
// some providers, its own things.
type Place struct {
	Agent    string `json:"agent"`
	Kind     string `json:"kind"` // cloud, database, dns, balancer
	Provider string `json:"provider"`
}

func (p Place) String() string { return p.Agent + "/" + p.Kind + "/" + p.Provider }

// ReapedKind says whether what a provider of the kind makes is compared with
// the facts.
func ReapedKind(kind string) bool {
	return kind == "cloud" || kind == "database" || kind == "dns" || kind == "balancer"
}

// ErrAway means that the agent of a place is not connected.
var ErrAway = errors.New("the agent is not connected")

// Held is one thing that a provider says it holds.
type Held struct {
	Token      string // of a name or a route: the name
	Tags       map[string]string
	CreatedAt  time.Time // zero: the provider does not know
	Persistent bool
}

// HeldBack says that nothing is reaped at a place until a person allows it:
// so much was unowned there that the facts are to be doubted. Written by reap.
type HeldBack struct {
	Meta
	Place   Place     `json:"place"`
	Unowned int       `json:"unowned"`
	Of      int       `json:"of"`
	Since   time.Time `json:"since"`
}

// ParseAppServerID reads what AppServerID wrote.
func ParseAppServerID(s string) (build string, attempt int, err error) {
	build, number, _ := strings.Cut(s, ".")
	id, err := ParseBuildID(build)
	if err == nil {
		attempt, err = strconv.Atoi(number)
	}
	if err != nil || attempt < 1 || AppServerID(id.String(), attempt) != s {
		return "", 0, fmt.Errorf("%.80q is not the ID of an AppServer", s)
	}
	return build, attempt, nil
}
