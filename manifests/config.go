package manifests

import (
	"strings"
	"time"
)

// Config is the master's configuration file, the operator's own. Its zero value
// is that of an empty file, but for the defaults of Poll and MinFreeMiB.
type Config struct {
	Poll        PollConfig
	Hosts       HostsConfig
	Rewrites    []Rewrite // the first that fits counts
	Credentials []Credential
	Repos       []Repo // where manifests come from, besides the directory
	Hooks       []Hook // names are unique
	Notify      NotifyConfig
	Retention   *Retention // where a manifest says nothing; nil: DefaultRetention
	MinFreeMiB  int        // of the disk of the master's data; below it retention is carried out at once, and a warning said; default 1024, 0: none
	SMTP        SMTPConfig // where mail goes
	Storage     string     // URL of the bucket that keeps finished output and artifacts; "": they stay on the master's disk
}

// PollConfig says how remotes are asked.
type PollConfig struct {
	Interval    time.Duration // between two requests to a remote that moves; 0: as the command line says
	MaxInterval time.Duration // up to which the interval of one that rests grows; 0: as Interval, and ten of them where hooks are reliable
	Timeout     time.Duration // of one request; default 30 s
	PerHost     int           // requests to one host at once; default 8
}

// HostsConfig says which hosts a build's report may have the master ask. What a
// manifest names itself is not bound by it.
type HostsConfig struct {
	Allow    []string // names ("*.example.test"), addresses and networks; empty: all but Deny
	Deny     []string // beside link-local, unspecified and multicast addresses, which always are
	Loopback bool     // addresses of this machine
}

// Rewrite replaces the beginning of URLs when the master asks remotes.
type Rewrite struct{ From, To string }

// SecretRef says where a secret is kept: "file:/path", "env:NAME" or
// "secret:NAME". The zero value is no secret.
type SecretRef struct{ Scheme, Name string }

// Credential is what remotes are opened with. Either Token or Key is set.
type Credential struct {
	Name       string    // for messages: "credential[2]"
	URL        string    // pattern as of CoversURL
	Instances  []string  // patterns of the instances whose builds may use it; empty: none, only the master does
	User       string    // default: the URL's, "git" with ssh, "x-access-token" with https
	Token      SecretRef // of https
	Key        SecretRef // of ssh, in PEM
	KnownHosts string    // file with the keys of ssh hosts; "" is the user's own
}

// Repo is a git repository whose directory holds manifests.
type Repo struct {
	URL       string
	Branch    string // "" is the remote's HEAD
	Directory string // inside the repository; "" is its root
}

// Hook is something that tells the master of changes, at /hooks/NAME.
type Hook struct {
	Name   string
	Kind   string        // github, gitlab, gitea, forgejo, bitbucket or generic
	Secret SecretRef     // that signs what comes in
	URLs   []string      // patterns of the remotes it speaks for, as of CoversURL; empty: all that are watched
	Window time.Duration // generic: how old a signature may be; default 5 minutes
}

// hookKinds are the kinds of hooks.
func hookKinds() []string {
	return []string{"github", "gitlab", "gitea", "forgejo", "bitbucket", "generic"}
}

// ConfigKeys lists every key of the master's configuration file.
func ConfigKeys() []KeyDoc {
	return append([]KeyDoc{
		{"poll", "table", "", "how remotes are asked"},
		{"poll.interval", "duration, 100ms to 24h", "that of --poll", "time between two requests to a remote that moves"},
		{"poll.max-interval", "duration, 100ms to 168h", "the interval; ten of them where hooks are reliable", "up to which it grows for a remote that rests, or whose hooks are reliable"},
		{"poll.timeout", "duration, 1s to 10m", `"30s"`, "when a request is given up"},
		{"poll.per-host", "integer, 1 to 1000", "8", "requests to one host at the same time"},
		{"hosts", "table", "", "hosts that reports of builds may have the master ask; what a manifest names itself is not bound by it"},
		{"hosts.allow", "array of strings", "all", `only these: names such as "*.example.test", addresses, networks such as "10.0.0.0/8"`},
		{"hosts.deny", "array of strings", "[]", "not these, beside link-local, unspecified and multicast addresses"},
		{"hosts.loopback", "boolean", "false; true with wright dev", "addresses of this machine too"},
		{"rewrite", "array of tables", "", "other addresses for the master to ask, such as a mirror; the first that fits counts"},
		{"rewrite.from", "string", "", `how the URL begins, such as "https://github.com/"`},
		{"rewrite.to", "string", "", "what that is replaced by"},
		{"credential", "array of tables", "", "what remotes are opened with; the first that fits counts"},
		{"credential.url", "string", "", `which remotes, such as "https://git.example.test/*"`},
		{"credential.instances", "array of strings", "[]", `instances whose builds use it too, such as "shop" or "shop-*"`},
		{"credential.user", "string", "the URL's", "user name"},
		{"credential.token", `"file:…", "env:…" or "secret:…"`, "", "password or token for https"},
		{"credential.key", `"file:…", "env:…" or "secret:…"`, "", "private key for ssh"},
		{"credential.known-hosts", "string", "the user's own", "file with the keys of ssh hosts"},
		{"manifests", "array of tables", "", "repositories whose manifests are in force"},
		{"manifests.git", "string", "", "URL of the repository"},
		{"manifests.branch", "string", "the remote's HEAD", "branch that is followed"},
		{"manifests.directory", "string", "its root", "directory in it that holds the manifests"},
		{"hook", "array of tables", "", "who may tell of changes, at /hooks/NAME"},
		{"hook.name", "string", "", "last part of the hook's address"},
		{"hook.kind", `"` + strings.Join(hookKinds(), `", "`) + `"`, "", "who calls it"},
		{"hook.secret", `"file:…", "env:…" or "secret:…"`, "", "secret that signs what comes in"},
		{"hook.urls", "array of strings", "all", `remotes it speaks for, such as "https://git.example.test/*"`},
		{"hook.window", "duration, 1s to 1h", `"5m"`, "how old a signature may be; only for generic"},
		{"storage", "table", "", "where finished output and artifacts are kept, so that every master has them; see logs.md"},
		{"storage.url", "string", "the master's disk", `bucket, such as "s3://BUCKET?region=REGION"; never with credentials`},
		{"disk", "table", "", "the disk of the master's data"},
		{"disk.min-free-mib", "integer, 0 to 1073741824", "1024", "below it what is kept too long goes at once, and the master's log warns; 0: never"},
	}, append(retentionKeys(" where a manifest does not say it"), notifyConfigKeys()...)...)
}

// ParseConfig reads the master's configuration file. Its error is always
// Errors, with all that is wrong with the text. It never repeats a secret.
func ParseConfig(file string, text []byte) (*Config, error) {
	t, errs := decode(file, text, ConfigKeys())
	if errs != nil {
		return nil, errs
	}
	c := new(Config)
	c.read(t)
	if errs := t.errors(); errs != nil {
		return nil, errs
	}
	return c, nil
}

func (c *Config) read(t table) {
	t.closed("")
	poll, _ := t.sub("poll")
	poll.reader = t.reader
	c.Poll = poll.poll()
	if sub, ok := t.sub("hosts"); ok {
		c.Hosts = sub.hosts()
	}
	for _, sub := range t.subs("rewrite", maxItems) {
		c.Rewrites = append(c.Rewrites, sub.rewrite())
	}
	for _, sub := range t.subs("credential", maxItems) {
		c.Credentials = append(c.Credentials, sub.credential())
	}
	for _, sub := range t.subs("manifests", maxItems) {
		c.Repos = append(c.Repos, sub.repo())
	}
	c.notifying(t)
	if sub, ok := t.sub("retention"); ok {
		c.Retention = sub.retention()
	}
	if sub, ok := t.sub("storage"); ok {
		c.Storage = sub.storage()
	}
	disk, _ := t.sub("disk")
	disk.reader = t.reader
	disk.closed("")
	c.MinFreeMiB = disk.integer("min-free-mib", 1024, 0, 1<<30)
	names := map[string]bool{}
	for _, sub := range t.subs("hook", maxItems) {
		h := sub.hook()
		if names[h.Name] {
			sub.bad("name", instead("give each its own", "a second hook is called %s", show(h.Name)))
		}
		names[h.Name] = true
		c.Hooks = append(c.Hooks, h)
	}
}
