package plugins

import (
	"context"
	"log/slog"

	"google.golang.org/grpc"
)

// Kind names what a plugin provides.
type Kind string

// The kinds, each with its own package below this one.
const (
	Cloud    Kind = "cloud"
	DNS      Kind = "dns"
	Database Kind = "database"
)

// Kinds lists every kind, in a stable order.
func Kinds() []Kind { return []Kind{Cloud, Database, DNS} }

// InstallationTag is the tag whose value is the ID of the Wright installation
// that made a thing. What lacks it is never touched.
const InstallationTag = "wright-installation"

// MaxMessage is the size in bytes that no request and no answer may exceed.
const MaxMessage = 4 << 20

// Settings are what the agent tells a provider once, before any other call.
type Settings struct {
	StateDir     string         // absolute, exists, is this provider's alone
	Installation string         // the value of InstallationTag; may be empty
	Config       map[string]any // the provider's own table of the agent's configuration
	Log          *slog.Logger   // goes to the agent's log, with levels
}

// Configurer is implemented by a provider that wants its Settings. The call may
// be repeated with the same settings.
type Configurer interface {
	Configure(ctx context.Context, s Settings) error
}

// Plugin is a provider ready to be served. The kinds' packages make it:
// cloud.Plugin, dns.Plugin, database.Plugin.
type Plugin struct {
	Kind    Kind
	Name    string // what a manifest calls it: cloud = "NAME"
	Version string // empty means the version that the Go toolchain recorded

	// Register adds the kind's service to the server.
	Register func(grpc.ServiceRegistrar)
	// Configurer is nil when the provider needs no settings.
	Configurer Configurer
}

// BinaryName is the file name under which a host looks for a provider.
func BinaryName(k Kind, name string) string {
	return "wright-" + string(k) + "-" + name
}
