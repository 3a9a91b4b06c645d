// Package plugins is what a third party imports to write a provider for
// Wright: the handshake, Serve, the errors and the limits that all kinds share.
// A provider implements the interface of one kind (plugins/cloud, plugins/dns,
// plugins/database) and its main is a few lines:
//
//	func main() {
//		plugins.Serve(cloud.Plugin("mycloud", "1.2.3", mycloud.New()))
//	}
//
// The binary is called wright-KIND-NAME (here wright-cloud-mycloud) and put
// into a directory that the agent searches. The agent starts it when it is
// needed, as its own process in its own process group, with a clean environment,
// and ends it when the agent itself ends, however that happens. A provider must
// therefore keep what it must remember in Settings.StateDir or at the far side,
// and never in memory alone.
//
// Providers are called concurrently. Every call has a deadline; a call may be
// repeated after a crash, and must then have the same effect as once.
//
// The package knows nothing of masters, agents or manifests, and links little
// more than gRPC. docs/plugins.md goes from nothing to a plugin that passes the
// conformance suite; docs/plugin-contract.md says what is promised.
package plugins
