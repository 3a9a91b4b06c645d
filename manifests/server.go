package manifests

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const maxDatabases = 100

// appServer reads [appserver].
func (t table) appServer() *AppServer {
	a := &AppServer{
		Keep:             t.integer("keep", 2, 1, 100),
		ProvisionTimeout: t.duration("provision-timeout", time.Hour, time.Second, maxTimeout),
		Activate:         t.activation(),
	}
	a.Cloud, a.Config = t.provider("cloud")
	a.Flavor, _ = t.name("flavor")
	a.Image, _ = t.name("image")
	a.Provision, _ = t.text("provision")
	if sub, ok := t.sub("health"); ok {
		a.Health = sub.health()
	}
	return a
}

// provider reads the provider's name under key and the provider's own table,
// and refuses all other keys that are unknown.
func (t table) provider(key string) (name string, config map[string]any) {
	if !t.has(key) {
		t.missing(key, fmt.Sprintf(`write %s = "NAME" with the provider's name`, key))
	}
	name, ok := t.text(key)
	switch {
	case !ok:
	case !isProvider(name):
		t.bad(key, instead("use a-z, 0-9 and -, a letter first, at most 32 characters", "%s is no provider's name", show(name)))
		ok = false
	case slices.Contains(t.schema.known(t.doc), name):
		t.bad(key, instead("the provider needs another name", "%s is a key of [%s]", show(name), t.doc))
		ok = false
	}
	if !ok {
		t.closedBut()
		return name, nil
	}
	t.closed(name)
	if sub, found := t.sub(name); found {
		config = sub.values
	}
	return name, config
}

// closedBut is closed for a table whose provider is not known: any table in it
// might be the provider's.
func (t table) closedBut() {
	open := make(map[string]any)
	for key, v := range t.values {
		if _, isTable := v.(map[string]any); !isTable || slices.Contains(t.schema.known(t.doc), key) {
			open[key] = v
		}
	}
	t.values = open
	t.closed("")
}

func isProvider(s string) bool {
	return s != "" && len(s) <= 32 && s[0] >= 'a' && s[0] <= 'z' && !strings.Contains(s, "_") &&
		s == strings.ToLower(s) && consists(s, "")
}

func (t table) activation() Activation {
	s, ok := t.text("activate")
	switch a := Activation(s); {
	case !ok:
		return OnSuccess
	case a == OnSuccess, a == Manually:
		return a
	}
	hint := `write "on-success" or "manually"`
	if best := nearest(s, []string{string(OnSuccess), string(Manually)}); best != "" {
		hint = fmt.Sprintf("did you mean %q?", best)
	}
	t.bad("activate", instead(hint, "%s is no way to activate", show(s)))
	return OnSuccess
}

// health reads the table of what an AppServer must answer.
func (t table) health() Health {
	t.closed("")
	h := Health{
		Port:   t.integer("port", 0, 1, 65535),
		Within: t.duration("within", 5*time.Minute, time.Second, day),
	}
	if !t.has("http") {
		t.missing("http", `write http = "/healthz"`)
	}
	s, ok := t.text("http")
	switch {
	case !ok:
	case !strings.HasPrefix(s, "/"):
		t.bad("http", instead("write "+show("/"+strings.TrimLeft(s, "/")), "the path must begin with /"))
	case len(s) > maxURL || strings.ContainsAny(s, " #\\") || strings.IndexFunc(s, isHidden) >= 0:
		t.bad("http", instead("escape such characters with %", "the path holds a space, #, a backslash or an invisible character, or is too long"))
	}
	h.HTTP = s
	return h
}

// dns reads [dns].
func (t table) dns() *DNS {
	d := &DNS{TTL: t.duration("ttl", time.Minute, time.Second, 7*day)}
	if d.TTL%time.Second != 0 {
		t.bad("ttl", instead(durationHint, "want whole seconds, got %s", d.TTL))
	}
	d.Provider, d.Config = t.provider("provider")
	d.Domain = t.domain("domain")
	return d
}

// balancer reads [balancer].
func (t table) balancer() *Balancer {
	b := &Balancer{}
	b.Provider, b.Config = t.provider("provider")
	b.Name = t.domain("name")
	return b
}

// runner reads [runner].
func (t table) runner() *Runner {
	r := &Runner{}
	r.Provider, r.Config = t.provider("provider")
	return r
}

// domain reads the domain name under key, which must be there.
func (t table) domain(key string) string {
	if !t.has(key) {
		t.missing(key, fmt.Sprintf(`write %s = "shop.example.test"`, key))
	}
	s, ok := t.text(key)
	if !ok {
		return ""
	}
	if err := checkDomain(s); err != nil {
		t.bad(key, err)
	}
	return s
}

func checkDomain(s string) error {
	lower := strings.TrimSuffix(strings.ToLower(s), ".")
	if lower != s && isDomain(lower) {
		return instead("write "+show(lower), "%s is not in lower case without a trailing dot", show(s))
	}
	if !isDomain(s) {
		return instead("use labels of a-z, 0-9 and - with dots between; punycode for others", "%s is no domain name", show(s))
	}
	return nil
}

func isDomain(s string) bool {
	labels := strings.Split(s, ".")
	last := labels[len(labels)-1]
	return len(s) <= 253 && !slices.ContainsFunc(labels, func(l string) bool { return !isLabel(l) }) &&
		strings.Trim(last, "0123456789") != "" // an address is no name
}

// databases reads the [[database]] tables.
func (t table) databases() []Database {
	first := make(map[string]Place)
	var all []Database
	for _, sub := range t.subs("database", maxDatabases) {
		d := sub.database()
		if before, again := first[d.Name]; again && d.Name != "" {
			sub.bad("name", instead(fmt.Sprintf("the first is in line %d", before.Line), "a second database is called %s", show(d.Name)))
		} else {
			first[d.Name] = sub.place("name")
		}
		all = append(all, d)
	}
	return all
}

func (t table) database() Database {
	d := Database{Persistent: t.boolean("persistent", false)}
	d.Provider, d.Config = t.provider("provider")
	if !t.has("name") {
		t.missing("name", `write name = "shop"`)
	}
	if s, ok := t.text("name"); ok {
		if !isDatabase(s) {
			t.bad("name", instead("use a-z, 0-9 and _, a letter first, at most 63 characters", "%s is no name of a database", show(s)))
		}
		d.Name = s
	}
	return d
}

func isDatabase(s string) bool {
	return len(s) <= 63 && s[0] >= 'a' && s[0] <= 'z' && !strings.Contains(s, "-") &&
		s == strings.ToLower(s) && consists(s, "")
}
