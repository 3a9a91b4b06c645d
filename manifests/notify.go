package manifests

import (
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// maxHearers bounds those who hear of an instance: what follows from one build is
// written in one transaction.
const maxHearers = 50

// Notify says who hears of what.
type Notify struct {
	OnFailure []string      // mail addresses
	Webhooks  []Webhook     // programs
	Status    *CommitStatus // nil: none
	Plugins   []Notifier    // notifiers
}

// Webhook is a program that is told of events with a signed POST.
type Webhook struct {
	URL    string   // http or https
	Secret string   // name of the secret that signs
	Events []string // default: those of failures
}

// CommitStatus shows at the commits of the source how their builds went.
type CommitStatus struct {
	Kind    string // github, gitlab, gitea or forgejo
	API     string // URL that its API begins with
	Project string // such as "owner/name"
	Token   string // name of the secret that logs in
	Context string // default "wright/INSTANCE"
}

// Notifier is a notifier plugin and what it tells to whom.
type Notifier struct {
	Provider   string
	Recipients []string       // in the provider's words
	Events     []string       // as of Webhook
	Config     map[string]any // the table [notify.plugin.PROVIDER] after its [[notify.plugin]]; nil if absent
}

// The events that webhooks and notifiers may hear of.
const (
	BuildStarted   = "build-started"
	BuildSucceeded = "build-succeeded"
	BuildFailed    = "build-failed" // or errored
	BuildCancelled = "build-cancelled"
	BuildRecovered = "build-recovered" // the first success after failures
)

// Events lists them all.
func Events() []string {
	return []string{BuildStarted, BuildSucceeded, BuildFailed, BuildCancelled, BuildRecovered}
}

// statusKinds are the forges that take commit statuses.
func statusKinds() []string { return []string{"github", "gitlab", "gitea", "forgejo"} }

func notifyKeys() []KeyDoc {
	hears := "what it hears of: " + strings.Join(Events(), ", ")
	const usual = `["build-failed", "build-recovered"]`
	return []KeyDoc{
		{"notify", "table", "", "who hears of what"},
		{"notify.on-failure", "array of strings, or one with commas", "[]", "mail addresses that hear of failed builds, and when it is well again"},
		{"notify.webhook", "array of tables", "", "programs that hear of events with a signed POST"},
		{"notify.webhook.url", "string", required, "where it goes, with http or https"},
		{"notify.webhook.secret", "string", required, `the secret that signs, as "secret:NAME"`},
		{"notify.webhook.events", "array of strings", usual, hears},
		{"notify.status", "table", "", "show at the source's commits how their builds went"},
		{"notify.status.kind", `"` + strings.Join(statusKinds(), `", "`) + `"`, required, "the forge"},
		{"notify.status.token", "string", required, `the token that logs in there, as "secret:NAME"`},
		{"notify.status.api", "string", "that of the source's host", `URL of the API, such as "https://git.example.test/api/v1"`},
		{"notify.status.project", "string", "that of the source's URL", `the repository there, such as "owner/name"`},
		{"notify.status.context", "string", "wright/ and the instance", "which of a commit's statuses it is"},
		{"notify.plugin", "array of tables", "", "notifiers that hear of events"},
		{"notify.plugin.provider", "string", required, "notifier"},
		{"notify.plugin.recipients", "array of strings", "[]", "who is to hear of it, in the notifier's words"},
		{"notify.plugin.events", "array of strings", usual, hears},
		{"notify.plugin." + provider, "table", "", "the notifier's own settings"},
	}
}

func (t table) notify(source *Source, instance string) *Notify {
	t.closed("")
	n := &Notify{OnFailure: t.mailAddresses("on-failure")}
	for _, sub := range t.subs("webhook", maxHearers) {
		n.Webhooks = append(n.Webhooks, sub.webhook())
	}
	if sub, ok := t.sub("status"); ok {
		n.Status = sub.commitStatus(source, instance)
	}
	for _, sub := range t.subs("plugin", maxHearers) {
		p := Notifier{Events: sub.events()}
		p.Provider, p.Config = sub.provider("provider")
		p.Recipients, _ = sub.list("recipients", `write recipients = ["ops"]`)
		for i, r := range p.Recipients {
			if r == "" || len(r) > 254 || strings.IndexFunc(r, isHidden) >= 0 {
				sub.badAt(sub.node.child("recipients").item(i), "recipients", errors.New("want 1 to 254 visible bytes"))
			}
		}
		n.Plugins = append(n.Plugins, p)
	}
	if all := len(n.OnFailure) + len(n.Webhooks) + len(n.Plugins); all > maxHearers {
		t.fail(t.node.key, "notify", fmt.Sprintf("%d hear of it, at most %d are allowed", all, maxHearers), "use a mailing list")
	}
	return n
}

// mailAddresses is an array of addresses, or one string with commas.
func (t table) mailAddresses(key string) (all []string) {
	const hint = `write on-failure = ["ops@example.test"]`
	list := t.node.child(key)
	if s, isString := t.values[key].(string); isString {
		for part := range strings.SplitSeq(s, ",") {
			all = append(all, strings.TrimSpace(part))
		}
	} else {
		all, _ = t.list(key, hint)
	}
	if len(all) > maxHearers {
		t.bad(key, fmt.Errorf("%d addresses, at most %d are allowed", len(all), maxHearers))
		return nil
	}
	for i, s := range all {
		if err := CheckMailAddress(s); err != nil {
			t.badAt(list.item(i), key, instead(hint, "%v", err))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// CheckMailAddress says why a text is no bare mail address.
func CheckMailAddress(s string) error {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > 254 || strings.IndexFunc(s, isHidden) >= 0 || strings.ContainsAny(s, " \t\"<>(),;") {
		return fmt.Errorf("%s is no mail address", show(s))
	}
	return nil
}

// events are those that are wanted.
func (t table) events() []string {
	if !t.has("events") {
		return []string{BuildFailed, BuildRecovered}
	}
	hint := "write " + strings.Join(Events(), ", ")
	all, _ := t.list("events", `write events = ["build-failed"]`)
	for i, e := range all {
		if slices.Contains(Events(), e) {
			continue
		}
		if best := nearest(e, Events()); best != "" {
			hint = fmt.Sprintf("did you mean %q?", best)
		}
		t.badAt(t.node.child("events").item(i), "events", instead(hint, "%s is no event", show(e)))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (t table) webhook() Webhook {
	t.closed("")
	w := Webhook{URL: t.httpURL("url"), Secret: t.secretNamed("secret"), Events: t.events()}
	if !t.has("url") {
		t.missing("url", `write url = "https://chat.example.test/hooks/wright"`)
	}
	if !t.has("secret") {
		t.missing("secret", `write secret = "secret:NAME"; what is sent is signed`)
	}
	return w
}

// secretNamed is the name in "secret:NAME". What is no such thing may be the
// secret itself, so it is not repeated.
func (t table) secretNamed(key string) string {
	s, ok := t.text(key)
	if !ok {
		return ""
	}
	name, ok := strings.CutPrefix(s, "secret:")
	if !ok {
		t.bad(key, instead(`write "secret:NAME" and keep it with wright secret set NAME`, "does not name a secret"))
		return ""
	}
	return name // that it is one is checked with all others
}

// httpURL is a URL that something is sent to.
func (t table) httpURL(key string) string {
	s, ok := t.text(key)
	if !ok {
		return ""
	}
	if err := checkHTTP(s); err != nil {
		t.bad(key, err)
		return ""
	}
	return s
}

func checkHTTP(s string) error {
	const hint = `write a URL such as "https://host/path"`
	u, err := url.Parse(s)
	switch {
	case len(s) > maxURL || strings.IndexFunc(s, isHidden) >= 0 || strings.ContainsAny(s, " \\"):
		return instead(hint, "holds a space, a backslash or an invisible character, or is too long")
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return instead(hint, "is no URL with http or https")
	case u.User != nil:
		return instead("leave it out", "holds a user or password")
	case u.Fragment != "":
		return instead("leave out what follows #", "holds a fragment")
	}
	return nil
}

func (t table) commitStatus(source *Source, instance string) *CommitStatus {
	t.closed("")
	c := &CommitStatus{API: t.httpURL("api"), Token: t.secretNamed("token"), Context: "wright/" + instance}
	if !t.has("kind") {
		t.missing("kind", `write kind = "github"`)
	}
	if !t.has("token") {
		t.missing("token", `write token = "secret:NAME"`)
	}
	if c.Kind, _ = t.text("kind"); c.Kind != "" && !slices.Contains(statusKinds(), c.Kind) {
		t.bad("kind", instead("write "+strings.Join(statusKinds(), ", "), "%s takes no commit statuses", show(c.Kind)))
	}
	if named, ok := t.name("context"); ok {
		c.Context = named
	}
	host, project := forgeOf(source)
	if named, ok := t.name("project"); ok {
		project = strings.Trim(named, "/")
	}
	if c.API == "" && host != "" {
		c.API = apiOf(c.Kind, host)
	}
	switch c.Project = project; {
	case source == nil || source.VCS != "git":
		t.fail(t.node.key, "notify.status", "a commit status needs a source in git", "write [source] with git")
	case !isProject(c.Kind, project):
		t.fail(t.node.key, "notify.status", "which repository of the forge it is does not show", `write project = "owner/name"`)
	case c.API == "" && !t.has("api"):
		t.fail(t.node.key, "notify.status", "where the forge's API is does not show", `write api = "https://host/api/v1"`)
	}
	c.API = strings.TrimRight(c.API, "/")
	return c
}

// isProject tells whether a path can be that of a repository.
func isProject(kind, project string) bool {
	parts := strings.Split(project, "/")
	if len(parts) < 2 || kind != "gitlab" && len(parts) != 2 {
		return false
	}
	return !slices.ContainsFunc(parts, func(p string) bool { return p == "" || p == "." || p == ".." || !consists(p, "._-") })
}

// forgeOf is the forge's address and the repository's path, "" as far as the
// source does not show it.
func forgeOf(s *Source) (host, project string) {
	if s == nil || IsLocal(s.URL) {
		return "", ""
	}
	full := s.URL
	if _, host, dir, ok := splitSCP(full); ok && !strings.Contains(full, "://") {
		full = "ssh://" + bracketed(host) + "/" + strings.TrimLeft(dir, "/")
	}
	u, err := url.Parse(full)
	if err != nil {
		return "", ""
	}
	project = strings.TrimSuffix(strings.Trim(u.Path, "/"), ".git")
	switch u.Scheme {
	case "http", "https":
		return u.Scheme + "://" + u.Host, project
	case "ssh", "git":
		if _, err := netip.ParseAddr(u.Hostname()); err == nil {
			return "", project
		}
		return "https://" + u.Hostname(), project
	}
	return "", project
}

// apiOf is where the API of a forge is.
func apiOf(kind, host string) string {
	switch {
	case kind == "github" && host == "https://github.com":
		return "https://api.github.com"
	case kind == "github":
		return host + "/api/v3"
	case kind == "gitlab":
		return host + "/api/v4"
	}
	return host + "/api/v1"
}
