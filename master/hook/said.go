package hook

import (
	"encoding/json"
	"strings"
)

const (
	maxMessage = 4 << 10 // bytes of a commit's message that is passed on; a longer one can be looked up
	maxPaths   = 100     // that are passed on: they are never said to be all
	maxPath    = 1 << 10 // bytes
)

// Said is what a delivery tells of the commit that a ref moved to.
type Said struct {
	Message string
	Paths   []string // files that are not the same before and after; there may be more
}

// commit is one of a forge's payload. Forges leave out most of it now and then.
type commit struct {
	ID       string   `json:"id"`
	Message  *string  `json:"message"`
	Added    []string `json:"added"`
	Removed  []string `json:"removed"`
	Modified []string `json:"modified"`
}

// commits are those of a payload about one movement.
type commits struct {
	Head    *commit  `json:"head_commit"`
	Commits []commit `json:"commits"`
	Forced  *bool    `json:"forced"` // only GitHub tells
}

// commitsOf reads them leniently: what they do not tell can be looked up.
func commitsOf(payload []byte) (p commits) {
	if json.Unmarshal(payload, &p) != nil {
		return commits{}
	}
	return p
}

// says is what is told of a revision: its message, and what changed if the
// movement is that one commit. Of several, some files are as they were before.
func (p commits) says(revision string) *Said {
	said := p.Head.says(revision)
	for i := len(p.Commits) - 1; i >= 0 && said == nil; i-- {
		said = p.Commits[i].says(revision)
	}
	if said != nil && len(p.Commits) == 1 && p.Commits[0].ID == revision && p.Forced != nil && !*p.Forced {
		said.Paths = p.Commits[0].paths()
	}
	return said
}

// says is what a commit (nil: none) tells if it is that revision.
func (c *commit) says(revision string) *Said {
	if c == nil || revision == "" || c.ID != revision {
		return nil
	}
	return message(c.Message)
}

// message is a message (nil: not told) if it is short enough to be kept.
func message(text *string) *Said {
	if text == nil || len(*text) > maxMessage {
		return nil
	}
	return &Said{Message: strings.ToValidUTF8(*text, "?")}
}

// paths are those that a commit changed, but for what may not be their name.
func (c *commit) paths() (all []string) {
	for _, list := range [][]string{c.Modified, c.Added, c.Removed} {
		for _, path := range list {
			if path != "" && path[0] != '"' && len(path) <= maxPath && len(all) < maxPaths {
				all = append(all, path)
			}
		}
	}
	return all
}
