// Package notes is a database.Provider for services that can keep a note with each
// thing that is made at them: what was made for whom, and with which password, is
// written down there and nowhere else, so that any agent finds it. It knows who
// uses which database and which server has it; it speaks to no service.
package notes

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database/servers"
)

// Note is what is written down of a database, or of one use of a persistent one.
type Note struct {
	Installation string            `json:"wright"`
	Token        string            `json:"token,omitempty"` // none for a persistent database itself
	Name         string            `json:"name"`
	Instance     string            `json:"instance,omitempty"`
	Persistent   bool              `json:"persistent,omitempty"`
	Tags         map[string]string `json:"tags,omitempty"`
	Sealed       string            `json:"sealed,omitempty"` // the password; see package seal
	Of           string            `json:"of,omitempty"`     // of a use: the name of the database
}

// Key is what a note is found by.
type Key struct {
	Name string // of a database: its name at the server
	Use  bool   // it is about a use, not a database
}

// Entry is a note with its key.
type Entry struct {
	Key Key
	Note
}

// database is the name of the database that it is about.
func (e Entry) database() string {
	if e.Key.Use {
		return e.Of
	}
	return e.Key.Name
}

// Backend is one server. Every method may be called at any time, also by several
// processes at once, and may be repeated.
type Backend interface {
	// Get gives the note of a key, nil where there is nothing. What is there
	// without a note is somebody else's: exists.
	Get(ctx context.Context, key Key) (*Note, error)
	// All gives all notes that can be read, of every installation.
	All(ctx context.Context) ([]Entry, error)
	// Put writes a note. Of a database it then makes the database and its user
	// with the password, as far as they are missing.
	Put(ctx context.Context, e Entry, password string) error
	// Remove removes what Put made, and returns when it is gone: the note last.
	Remove(ctx context.Context, e Entry) error
	// Count says how many databases there are, whoever made them.
	Count(ctx context.Context) (int, error)
}

// maxNote is the number of bytes of a note: 64 tags and their escapes fit.
const maxNote = 1 << 20

// Parse reads a note; it fails for a text that is none.
func Parse(text []byte) (*Note, error) {
	if len(text) > maxNote {
		return nil, fmt.Errorf("%d bytes are no note", len(text))
	}
	var n Note
	if err := json.Unmarshal(text, &n); err != nil {
		return nil, fmt.Errorf("it is no note: %w", err)
	}
	ofToken, ofUse := n.Token != "", n.Of != ""
	if n.Persistent && ofToken != ofUse || !n.Persistent && (!ofToken || ofUse) {
		return nil, errors.New("it is no note of a database")
	}
	err := cmp.Or(plugins.CheckToken("name", n.Name), plugins.CheckText("token", n.Token), plugins.CheckText("instance", n.Instance), plugins.CheckTags(n.Tags))
	if err != nil {
		return nil, fmt.Errorf("it is no note: %w", err)
	}
	return &n, nil
}

// Text is the note as Parse reads it.
func (n Note) Text() ([]byte, error) {
	text, err := json.Marshal(n)
	if err != nil {
		return nil, fmt.Errorf("write the note: %w", err)
	}
	return text, nil
}

// keys are those that a call is about.
type keys struct{ own, use, home Key }

// nameSize is the longest name that all services take.
const nameSize = 63

// keysOf gives the keys of a token, and that of the persistent database that an
// instance and a name stand for. They must never change: what was made under them
// would not be found again.
func keysOf(installation, token, instance, name string) keys {
	return keys{
		own:  Key{Name: servers.Name(nameSize, nil, installation, "token", token)},
		use:  Key{Name: servers.Name(nameSize, nil, installation, "use", token), Use: true},
		home: Key{Name: servers.Name(nameSize, []string{instance, name}, installation, "name", instance, name)},
	}
}
