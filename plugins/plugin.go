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
	Balancer Kind = "balancer"
	Cloud    Kind = "cloud"
	Database Kind = "database"
	DNS      Kind = "dns"
	Notifier Kind = "notifier"
	Runner   Kind = "runner"
)

// Kinds lists every kind, in a stable order.
func Kinds() []Kind { return []Kind{Balancer, Cloud, Database, DNS, Notifier, Runner} }

// InstallationTag is the tag whose value is the ID of the Wright installation
// that made a thing. What lacks it is never touched.
const InstallationTag = "wright-installation"

// ThisHost is the capability of a provider of any kind whose things are of its
// agent's own host: no other agent can do anything to them.
const ThisHost = "this-host"

// Settings are what the agent tells a provider once, before any other call.
type Settings struct {
	StateDir     string         // absolute, exists, is this provider's alone
	Installation string         // the value of InstallationTag; may be empty
	Config       map[string]any // the provider's own table of the agent's configuration, with defaults
	Log          *slog.Logger   // goes to the agent's log, with levels
}

// Configurer is implemented by a provider that wants its Settings. The call may
// be repeated with the same settings.
type Configurer interface {
	Configure(ctx context.Context, s Settings) error
}

// Plugin is a provider ready to be served. The kinds' packages make it
// (cloud.Plugin, dns.Plugin, …); Doc, Settings and Config are set by the author.
type Plugin struct {
	Kind    Kind
	Name    string // what a manifest calls it: cloud = "NAME"
	Version string // empty means the version that the Go toolchain recorded

	Doc      string // what the provider is for, in Markdown; the head of its reference page
	Settings Schema // the keys of its table in the agent's configuration; nil means anything goes
	Config   Schema // the keys of its table in manifests; nil means anything goes

	// Capabilities are the optional powers that the kind's package found. Append
	// ThisHost yourself if it holds.
	Capabilities []string
	// Register adds the kind's service to the server. Tables of manifests are
	// read with config.
	Register func(r grpc.ServiceRegistrar, config Schema)
	// Configurer is nil when the provider needs no settings.
	Configurer Configurer
}

// BinaryName is the file name under which a host looks for a provider.
func BinaryName(k Kind, name string) string {
	return "wright-" + string(k) + "-" + name
}
