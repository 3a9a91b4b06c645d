// Package cloud is the plugin kind that makes servers: its interface, its types
// and both ends of its wire. It knows nothing of any provider and of what runs
// on the servers.
package cloud

import (
	"context"
	"slices"
	"time"

	"github.com/wright-build/wright/plugins"
)

// Provider makes and ends servers. It is called concurrently. Errors carry the
// codes of package plugins. A token is one of the installation in Settings: where
// several share an account, an equal one of another is another server's.
type Provider interface {
	// Create makes a server, or gives the one that s.Token made before, also
	// when both calls run at the same time. It returns when the server can be
	// provisioned. A call that fails or dies half way leaves either nothing or
	// something that List finds and Delete removes.
	Create(ctx context.Context, s Spec) (*Server, error)
	// Get gives the server of a token; plugins.NotFound when there is none.
	Get(ctx context.Context, token string) (*Server, error)
	// List gives every server that carries all of tags, half-made ones too.
	List(ctx context.Context, tags map[string]string) ([]Server, error)
	// Delete ends the server of a token and returns when nothing is left of it.
	// Deleting the missing is fine.
	Delete(ctx context.Context, token string) error
}

// Consoler is implemented by a provider that can show what a server wrote to its
// console. It is declared as the capability Console.
type Consoler interface {
	// Console gives the last output of the server's console, at most MaxConsole
	// bytes; plugins.NotFound when there is no such server.
	Console(ctx context.Context, token string) ([]byte, error)
}

// Console is the capability of a Consoler.
const Console = "console"

// MaxConsole is how many bytes of a console are given.
const MaxConsole = 64 << 10

// Spec says what server is wanted.
type Spec struct {
	Token  string            // unique for this server and known before it is made
	Name   string            // for people; need not be unique
	Flavor string            // size, in the provider's words; may be empty
	Image  string            // what it boots, in the provider's words; may be empty
	Tags   map[string]string // written to the server, so that List finds it
	Env    map[string]string // environment of what runs on the server; may hold secrets
	Config map[string]any    // the provider's own table of the manifest
}

// The states of a server.
const (
	Starting = "starting"
	Running  = "running"
	Failed   = "failed"
	Deleting = "deleting"
)

// Server is what a provider made.
type Server struct {
	Token     string
	Name      string
	Address   string // host name or IP
	Port      int    // main port, 0 when the provider knows none
	State     string
	Tags      map[string]string
	CreatedAt time.Time
	Variables map[string]string // WRIGHT_APPSERVER_*: environment of the provisioning
}

// Validate refuses what no provider should have to cope with.
func (s Spec) Validate() error {
	if err := plugins.CheckToken("token", s.Token); err != nil {
		return err
	}
	if err := plugins.CheckText("name", s.Name); err != nil {
		return err
	}
	if err := plugins.CheckText("flavor", s.Flavor); err != nil {
		return err
	}
	if err := plugins.CheckText("image", s.Image); err != nil {
		return err
	}
	if err := plugins.CheckTags(s.Tags); err != nil {
		return err
	}
	return plugins.CheckEnv(s.Env)
}

// check refuses a server that no provider may answer with. want is the token
// that was asked for; empty means any.
func (s Server) check(want string) error {
	if err := plugins.CheckToken("token", s.Token); err != nil {
		return err
	}
	if want != "" && s.Token != want {
		return plugins.Invalidf("token", "it is %.60q, asked was for %.60q", s.Token, want)
	}
	if !slices.Contains([]string{Starting, Running, Failed, Deleting}, s.State) {
		return plugins.Invalidf("state", "%.60q is none of starting, running, failed, deleting", s.State)
	}
	if s.Port < 0 || s.Port > 65535 {
		return plugins.Invalidf("port", "%d is no port", s.Port)
	}
	if err := plugins.CheckText("name", s.Name); err != nil {
		return err
	}
	if s.Address != "" {
		if err := plugins.CheckHost("address", s.Address); err != nil {
			return err
		}
	}
	if err := plugins.CheckTags(s.Tags); err != nil {
		return err
	}
	return plugins.CheckEnv(s.Variables)
}
