// Package database is the plugin kind that makes databases: its interface, its
// types and both ends of its wire. It knows nothing of any provider and of
// what is kept in the databases.
package database

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wright-build/wright/plugins"
)

// Provider makes databases. It is called concurrently. Errors carry the codes
// of package plugins.
type Provider interface {
	// Create makes a database, or gives the one that s.Token made before, also
	// when both calls run at the same time. A persistent database is found
	// again by instance and name, whatever the token, with all that is in it.
	Create(ctx context.Context, s Spec) (*Database, error)
	// List gives every database that carries all of tags, half-made ones too: a
	// persistent one once for each token that uses it, and with no token when
	// none does.
	List(ctx context.Context, tags map[string]string) ([]Database, error)
	// Delete deletes the database of a token with all that is in it; of a
	// persistent one it drops only the token. Deleting the missing is fine.
	Delete(ctx context.Context, token string) error
}

// Spec says what database is wanted.
type Spec struct {
	Token      string            // unique for this use and known before it is made
	Name       string            // unique within the instance
	Instance   string            // the instance it belongs to
	Persistent bool              // outlives the AppServer; found again by Instance and Name
	Tags       map[string]string // written to the database, so that List finds it
	Config     map[string]any    // the provider's own table of the manifest
	// Password is what the user of the database is to have. Wright has stored it
	// before, so that no crash loses it: a repeated call, also with another token
	// for a persistent database, makes it the password. Never log it.
	Password string
}

// Database is what a provider made.
type Database struct {
	Token      string
	Name       string
	URL        string            // may hold a password
	Variables  map[string]string // URL, PATH, …: whoever uses it sees WRIGHT_DATABASE_<NAME>_URL and so on
	Persistent bool
	Tags       map[string]string
}

// Validate refuses what no provider should have to cope with.
func (s Spec) Validate() error {
	if err := plugins.CheckToken("token", s.Token); err != nil {
		return err
	}
	if err := plugins.CheckToken("name", s.Name); err != nil {
		return err
	}
	if err := plugins.CheckText("instance", s.Instance); err != nil {
		return err
	}
	if err := plugins.CheckText("password", s.Password); err != nil {
		return err
	}
	return plugins.CheckTags(s.Tags)
}

// maxURL is the number of bytes of a URL.
const maxURL = 4 << 10

// check refuses a database that no provider may answer with. want is the token
// that was asked for; empty means any. A persistent one that nobody uses at the
// moment has no token.
func (d Database) check(want string) error {
	if err := plugins.CheckText("token", d.Token); err != nil {
		return err
	}
	if want != "" && d.Token != want {
		return plugins.Invalidf("token", "it is %.60q, asked was for %.60q", d.Token, want)
	}
	if err := plugins.CheckText("name", d.Name); err != nil {
		return err
	}
	if len(d.URL) > maxURL || strings.ContainsFunc(d.URL, unicode.IsControl) || !utf8.ValidString(d.URL) {
		return plugins.Invalidf("url", "it is longer than %d bytes or holds a control character", maxURL)
	}
	if err := plugins.CheckTags(d.Tags); err != nil {
		return err
	}
	return plugins.CheckEnv(d.Variables)
}
