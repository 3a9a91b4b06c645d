// Package suite holds what every provider must do, as checks that need no Go
// test to run: "wright plugin verify" runs them against a plugin in any
// language, package conformance against a Go test's. A check runs the
// provider's own binary through the real host, kills it at bad moments and puts
// a faulty proxy before its backend. The suite knows nothing about any provider
// but what its kind promises, and leaves nothing behind.
package suite

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/wright-build/wright/plugins"
)

// Subject is the provider to test. All but Binary is optional.
type Subject struct {
	Binary   string         // path; the file is called wright-KIND-NAME
	Settings map[string]any // the provider's table of the agent's configuration
	Config   map[string]any // the provider's table of a manifest
	Limit    time.Duration  // of one call; default a minute

	Endpoint   string         // the key of Settings with the URL of an HTTP backend: a faulty proxy is put before it
	Wrong      map[string]any // over Settings: credentials with which every call must fail as denied
	Full       map[string]any // over Settings: with these, Create must fail with quota
	FullConfig map[string]any // over Config: likewise
	Many       int            // how many things the huge set has; default what fits in some seconds, 25 to 1,100

	// Domain is where names may be set by a dns provider or a balancer; default
	// conformance.example.test.
	Domain string

	// Probe looks at what was made. Of a cloud it is a shell command that prints
	// the environment that a made server's programs see; it runs with the
	// server's variables (WRIGHT_APPSERVER_*). Of a database it is one that fails
	// unless the database at $URL takes connections; it may also, with $ACTION write,
	// keep $TEXT in it in the place of an earlier one and with read print it, so that
	// it is seen whether data stay. Of a balancer it is the URL
	// at which it answers requests, such as "http://127.0.0.1:8080/"; the name
	// goes into the Host header, and in the place of {name} if that is in it. Of a
	// notifier it is the file, or the URL of a page, with a line for each message
	// that arrived, with its token in it.
	Probe string

	// Person is a shell command that does what a person does at the far side of a
	// dns provider, by hand: with $ACTION set, show or delete it has to do with the
	// address $VALUE of the domain $NAME (type A). What show prints holds $VALUE
	// when the domain has it, whoever set it.
	Person string
}

// Identity reads the kind and the name of the provider from its file name.
func (s Subject) Identity() (plugins.Kind, string, error) {
	base := filepath.Base(s.Binary)
	for _, kind := range plugins.Kinds() {
		if name, ok := strings.CutPrefix(base, plugins.BinaryName(kind, "")); ok && name != "" {
			return kind, name, nil
		}
	}
	return "", "", fmt.Errorf("%s is not called wright-KIND-NAME with one of the kinds %v", s.Binary, plugins.Kinds())
}

// prepare fills in what is missing and finds the binary.
func (s Subject) prepare() (Subject, error) {
	binary, err := filepath.Abs(s.Binary)
	if err != nil {
		return s, fmt.Errorf("find the plugin: %w", err)
	}
	info, err := os.Stat(binary)
	if err != nil {
		return s, fmt.Errorf("find the plugin: %w", err)
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
		return s, fmt.Errorf("find the plugin: %s is no executable file: chmod +x it", binary)
	}
	if _, ok := s.Settings[s.Endpoint].(string); s.Endpoint != "" && !ok {
		return s, fmt.Errorf("endpoint: the settings have no string %q", s.Endpoint)
	}
	if s.Endpoint == "" {
		s.Endpoint = s.localEndpoint()
	}
	s.Binary, s.Limit = binary, cmp.Or(s.Limit, time.Minute)
	return s, nil
}

// localEndpoint is the only setting with the URL of an HTTP backend on this machine,
// which is one made for tests: it gets the faulty proxy without being named.
func (s Subject) localEndpoint() string {
	var found []string
	for k, v := range s.Settings {
		text, _ := v.(string)
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "http" {
			continue
		}
		if ip, err := netip.ParseAddr(u.Hostname()); u.Hostname() == "localhost" || err == nil && ip.IsLoopback() {
			found = append(found, k)
		}
	}
	if len(found) != 1 {
		return ""
	}
	return found[0]
}

// over lays one table over another.
func over(below, above map[string]any) map[string]any {
	table := maps.Clone(below)
	if table == nil {
		table = map[string]any{}
	}
	maps.Copy(table, above)
	return table
}

// file is verify.toml.
type file struct {
	Limit      string         `toml:"limit"`
	Endpoint   string         `toml:"endpoint"`
	Many       int            `toml:"many"`
	Domain     string         `toml:"domain"`
	Probe      string         `toml:"probe"`
	Person     string         `toml:"person"`
	Settings   map[string]any `toml:"settings"`
	Config     map[string]any `toml:"config"`
	Wrong      map[string]any `toml:"wrong"`
	Full       map[string]any `toml:"full"`
	FullConfig map[string]any `toml:"full-config"`
}

// Read reads a subject from a file such as verify.toml. Its Binary stays empty.
// A string that is "env:NAME" stands for an environment variable, so that no
// credential need be in the file.
func Read(path string) (Subject, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Subject{}, fmt.Errorf("read what to verify with: %w", err)
	}
	return parse(path, string(text), os.LookupEnv)
}

func parse(path, text string, env func(string) (string, bool)) (Subject, error) {
	scalars := []string{"limit", "endpoint", "many", "domain", "probe", "person"}
	tables := []string{"settings", "config", "wrong", "full", "full-config"}
	var f file
	meta, err := toml.Decode(text, &f)
	if err != nil {
		return Subject{}, fmt.Errorf("read %s: %w", path, err)
	}
	for _, key := range meta.Keys() {
		switch {
		case len(key) > 1: // of a table of the provider's
		case !slices.Contains(scalars, key[0]) && !slices.Contains(tables, key[0]):
			return Subject{}, fmt.Errorf("read %s: %s is no key of it: there are %s and the tables %s", path, key, strings.Join(scalars, ", "), strings.Join(tables, ", "))
		case slices.Contains(tables, key[0]) && meta.Type(key[0]) != "Hash":
			return Subject{}, fmt.Errorf("read %s: %s is a table: write [%s]", path, key, key)
		}
	}
	s := Subject{
		Settings: f.Settings, Config: f.Config, Endpoint: f.Endpoint, Many: f.Many, Domain: f.Domain, Probe: f.Probe, Person: f.Person,
		Wrong: f.Wrong, Full: f.Full, FullConfig: f.FullConfig,
	}
	if f.Limit != "" {
		if s.Limit, err = time.ParseDuration(f.Limit); err != nil || s.Limit <= 0 {
			return s, fmt.Errorf("read %s: limit = %q is no positive duration such as \"1m\"", path, f.Limit)
		}
	}
	for _, table := range []map[string]any{s.Settings, s.Config, s.Wrong, s.Full, s.FullConfig} {
		if err := expand(table, env); err != nil {
			return s, fmt.Errorf("read %s: %w", path, err)
		}
	}
	return s, nil
}

// expand replaces "env:NAME" in a table and the tables in it.
func expand(table map[string]any, env func(string) (string, bool)) error {
	for _, k := range slices.Sorted(maps.Keys(table)) {
		switch v := table[k].(type) {
		case map[string]any:
			if err := expand(v, env); err != nil {
				return err
			}
		case string:
			name, ok := strings.CutPrefix(v, "env:")
			if !ok {
				continue
			}
			if table[k], ok = env(name); !ok {
				return fmt.Errorf("%s = %q: the environment has no %s", k, v, name)
			}
		}
	}
	return nil
}
