package manifests

import (
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func (t table) poll() PollConfig {
	t.closed("")
	p := PollConfig{
		Interval:    t.duration("interval", 0, 100*time.Millisecond, day),
		MaxInterval: t.duration("max-interval", 0, 100*time.Millisecond, 7*day),
		Timeout:     t.duration("timeout", 30*time.Second, time.Second, 10*time.Minute),
		PerHost:     t.integer("per-host", 8, 1, 1000),
	}
	if p.MaxInterval != 0 && p.MaxInterval < p.Interval {
		t.bad("max-interval", instead("write a longer time", "is shorter than interval"))
	}
	return p
}

func (t table) hosts() HostsConfig {
	t.closed("")
	return HostsConfig{Allow: t.hostPatterns("allow"), Deny: t.hostPatterns("deny"), Loopback: t.boolean("loopback", false)}
}

// hostPatterns is a list of names, addresses and networks.
func (t table) hostPatterns(key string) []string {
	const hint = `write names such as "*.example.test", addresses or networks such as "10.0.0.0/8"`
	all, _ := t.list(key, hint)
	for i, s := range all {
		_, notNet := netip.ParsePrefix(s)
		if notNet != nil && !consists(strings.TrimPrefix(s, "*."), "._-:") || s == "" {
			t.badAt(t.node.child(key).item(i), key, instead(hint, "%s is no host", show(s)))
		}
	}
	return all
}

func (t table) rewrite() Rewrite {
	t.closed("")
	r := Rewrite{From: t.beginning("from"), To: t.beginning("to")}
	if strings.HasSuffix(r.From, "/") != strings.HasSuffix(r.To, "/") {
		t.bad("to", instead("end both with / or neither", "from and to end differently"))
	}
	return r
}

// beginning is the first part of a URL.
func (t table) beginning(key string) string {
	if !t.has(key) {
		t.missing(key, `write `+key+` = "https://host/"`)
		return ""
	}
	s, ok := t.text(key)
	if !ok {
		return ""
	}
	if err := CheckURL("git", s+"x"); err != nil {
		t.bad(key, err)
	}
	return s
}

func (t table) credential() Credential {
	t.closed("")
	c := Credential{Name: t.path, Token: t.secret("token"), Key: t.secret("key")}
	if !t.has("url") {
		t.missing("url", `write url = "https://host/*"`)
	}
	c.URL, _ = t.name("url")
	c.User, _ = t.name("user")
	c.KnownHosts, _ = t.text("known-hosts")
	c.Instances, _ = t.list("instances", `write instances = ["shop", "shop-*"]`)
	switch {
	case t.has("token") && t.has("key"):
		t.bad("key", instead("write two [[credential]] tables", "token and key exclude each other"))
	case !t.has("token") && !t.has("key"):
		t.missing("token", `write token = "file:/path" for https, or key = "file:/path" for ssh`)
	case c.Token.Scheme != "" && t.has("known-hosts"):
		t.bad("known-hosts", instead("leave it out", "only ssh has known hosts"))
	}
	if c.KnownHosts != "" && !filepath.IsAbs(c.KnownHosts) {
		t.bad("known-hosts", instead("write the whole path", "%s is relative", show(c.KnownHosts)))
	}
	return c
}

// secret says where a secret is kept. The value is never repeated: it may be
// the secret itself, written by mistake.
func (t table) secret(key string) SecretRef {
	s, ok := t.text(key)
	if !ok {
		return SecretRef{}
	}
	const hint = `write "file:/path", "env:NAME" or "secret:NAME"`
	scheme, name, _ := strings.Cut(s, ":")
	switch {
	case !slices.Contains([]string{"file", "env", "secret"}, scheme) || name == "" || strings.IndexFunc(name, isHidden) >= 0:
		t.bad(key, instead(hint, "does not say where the secret is kept"))
	case scheme == "file" && !filepath.IsAbs(name):
		t.bad(key, instead(hint, "the path of a secret is relative"))
	default:
		return SecretRef{scheme, name}
	}
	return SecretRef{}
}

func (t table) repo() Repo {
	t.closed("")
	r := Repo{URL: t.url("git")}
	r.Branch, _ = t.shortRef("branch", branchPrefix)
	if dir, ok := t.text("directory"); ok {
		if err := checkDir(dir); err != nil {
			t.bad("directory", err)
		}
		if dir = filepath.Clean(dir); dir != "." {
			r.Directory = dir
		}
	}
	return r
}

func (t table) hook() Hook {
	t.closed("")
	h := Hook{Secret: t.secret("secret"), Window: t.duration("window", 5*time.Minute, time.Second, time.Hour)}
	if !t.has("name") {
		t.missing("name", `write name = "forge"`)
	}
	if h.Name, _ = t.name("name"); h.Name != "" && !isLabel(h.Name) {
		t.bad("name", instead("use a-z, 0-9 and -", "%s cannot be part of an address", show(h.Name)))
	}
	if !t.has("kind") {
		t.missing("kind", `write kind = "github"`)
	}
	if h.Kind, _ = t.text("kind"); h.Kind != "" && !slices.Contains(hookKinds(), h.Kind) {
		t.bad("kind", instead("write "+strings.Join(hookKinds(), ", "), "%s is no kind of hook", show(h.Kind)))
	}
	h.URLs = t.urlPatterns("urls")
	if !t.has("secret") {
		t.missing("secret", `write secret = "file:/path"; what comes in must be signed`)
	}
	return h
}

// urlPatterns is a list of patterns as of CoversURL.
func (t table) urlPatterns(key string) []string {
	all, _ := t.list(key, "write "+key+` = ["https://host/*"]`)
	for i, pattern := range all {
		if pattern == "" || len(pattern) > maxURL || strings.IndexFunc(pattern, isHidden) >= 0 {
			t.badAt(t.node.child(key).item(i), key, fmt.Errorf("want a pattern of 1 to %d visible bytes", maxURL))
		}
	}
	return all
}

func (t table) storage() string {
	t.closed("")
	if !t.has("url") {
		t.missing("url", `write url = "s3://BUCKET?region=REGION"`)
	}
	address, _ := t.name("url")
	u, err := url.Parse(address)
	switch {
	case err != nil || address != "" && u.Scheme == "":
		t.bad("url", instead(`write one like "s3://BUCKET?region=REGION" or "file:///DIRECTORY"`, "it is no URL"))
	case u.User != nil: // never repeated
		t.bad("url", instead("give them to the master's process, in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for s3", "it must hold no credentials"))
	}
	return address
}
