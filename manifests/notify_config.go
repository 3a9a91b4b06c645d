package manifests

import (
	"path/filepath"
	"slices"
	"strings"
)

// NotifyConfig is what the operator says of those who hear of something.
type NotifyConfig struct {
	PublicURL string      // where people reach the master; "": as it listens
	Hosts     HostsConfig // where manifests may have something sent to
	Plugins   []string    // directories of notifiers; empty: where the program's own are
	Providers map[string]map[string]any
}

// SMTPConfig is the mail server. Its zero value is none.
type SMTPConfig struct {
	Host     string
	Port     int
	TLS      string // starttls, tls or none
	CA       string // file with the certificates to trust; "": the system's
	User     string // "": no log in
	Password SecretRef
	From     string // address
}

// modes are the ways to protect the way to a mail server.
func modes() []string { return []string{"starttls", "tls", "none"} }

func notifyConfigKeys() []KeyDoc {
	return []KeyDoc{
		{"public-url", "string", "as it listens", `where people reach the master, such as "https://wright.example.test": links lead there`},
		{"smtp", "table", "no mail", "the server that takes mail"},
		{"smtp.host", "string", "", "its name or address"},
		{"smtp.port", "integer, 1 to 65535", "587; 465 with tls, 25 with none", "its port"},
		{"smtp.tls", `"starttls", "tls" or "none"`, `"starttls"`, "how the way to it is protected"},
		{"smtp.ca", "string", "the system's", "file with the certificates to trust, in PEM"},
		{"smtp.user", "string", "nobody logs in", "who logs in"},
		{"smtp.password", `"file:…", "env:…" or "secret:…"`, "", "password of user"},
		{"smtp.from", "string", "", "address that mail comes from"},
		{"notify", "table", "", "hosts that webhooks and commit statuses of manifests may lead to, and notifiers"},
		{"notify.allow", "array of strings", "all", `only these: names such as "*.example.test", addresses, networks such as "10.0.0.0/8"`},
		{"notify.deny", "array of strings", "[]", "not these, beside link-local, unspecified and multicast addresses"},
		{"notify.loopback", "boolean", "false; true with wright dev", "addresses of this machine too"},
		{"notify.plugins", "array of strings", "the program's own", "directories with notifiers, absolute"},
		{"notify.providers", "table", "", "settings of notifiers, a table for each"},
		{"notify.providers." + provider, "table", "", "settings of that notifier"},
	}
}

// notifying reads what concerns those who hear of something.
func (c *Config) notifying(t table) {
	c.Notify.PublicURL = strings.TrimRight(t.httpURL("public-url"), "/")
	if strings.Contains(c.Notify.PublicURL, "?") {
		t.bad("public-url", instead("leave out what follows ?", "holds a query"))
	}
	if sub, ok := t.sub("notify"); ok {
		c.Notify.read(sub)
	}
	if sub, ok := t.sub("smtp"); ok {
		c.SMTP = sub.smtp()
	}
}

func (n *NotifyConfig) read(t table) {
	t.closed("")
	n.Hosts = HostsConfig{Allow: t.hostPatterns("allow"), Deny: t.hostPatterns("deny"), Loopback: t.boolean("loopback", false)}
	n.Plugins, _ = t.list("plugins", `write plugins = ["/usr/lib/wright/plugins"]`)
	for i, dir := range n.Plugins {
		if !filepath.IsAbs(dir) {
			t.badAt(t.node.child("plugins").item(i), "plugins", instead("write the whole path", "%s is relative", show(dir)))
		}
	}
	sub, ok := t.sub("providers")
	if !ok {
		return
	}
	n.Providers = map[string]map[string]any{}
	for name := range sub.values {
		if own, ok := sub.sub(name); ok && isProvider(name) {
			n.Providers[name] = own.values
		} else if ok {
			sub.bad(name, instead("use a-z, 0-9 and -", "is no name of a notifier"))
		}
	}
}

func (t table) smtp() SMTPConfig {
	t.closed("")
	s := SMTPConfig{TLS: "starttls", Password: t.secret("password")}
	if mode, ok := t.text("tls"); ok {
		s.TLS = mode
		if !slices.Contains(modes(), mode) {
			t.bad("tls", instead("write "+strings.Join(modes(), ", "), "%s is no protection", show(mode)))
		}
	}
	s.Port = t.integer("port", map[string]int{"tls": 465, "none": 25}[s.TLS], 1, 65535)
	if s.Port == 0 {
		s.Port = 587
	}
	for key, hint := range map[string]string{"host": `write host = "mail.example.test"`, "from": `write from = "wright@example.test"`} {
		if !t.has(key) {
			t.missing(key, hint)
		}
	}
	s.Host, _ = t.name("host")
	s.User, _ = t.name("user")
	if s.CA, _ = t.text("ca"); s.CA != "" && !filepath.IsAbs(s.CA) {
		t.bad("ca", instead("write the whole path", "%s is relative", show(s.CA)))
	}
	if s.From, _ = t.name("from"); s.From != "" {
		if err := CheckMailAddress(s.From); err != nil {
			t.bad("from", err)
		}
	}
	t.smtpLogin(s)
	return s
}

// smtpLogin holds user, password and protection against each other.
func (t table) smtpLogin(s SMTPConfig) {
	switch local := s.Host == "localhost" || s.Host == "127.0.0.1" || s.Host == "::1"; {
	case t.has("user") != t.has("password"):
		t.fail(t.node.key, "smtp", "user and password belong together", "write both or neither")
	case s.User != "" && s.TLS == "none" && !local:
		t.bad("tls", instead(`write "starttls" or "tls"`, "a password would cross the network in the clear"))
	}
}
