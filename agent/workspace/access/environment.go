package access

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The verbs of the program that git, ssh and hg ask.
const (
	LoginVerb = "internal-login"
	SSHVerb   = "internal-ssh"
)

// ownSSH is the variable with the user's own GIT_SSH_COMMAND, for remotes that
// no login fits.
const ownSSH = "WRIGHT_OWN_SSH"

// Variables are what git needs in its environment to use the logins. They add
// to what env has of the same kind and leave the user's configuration alone,
// but for the hosts that a token is for: there no helper of the user is asked,
// since git would have it store the token.
func (a *Access) Variables(env map[string]string) map[string]string {
	if a == nil {
		return nil
	}
	out := map[string]string{}
	if slices.ContainsFunc(a.logins, func(l Login) bool { return l.SSH }) {
		out["GIT_SSH_COMMAND"], out["GIT_SSH_VARIANT"] = a.command(SSHVerb), "ssh"
		if own := env["GIT_SSH_COMMAND"]; own != "" {
			out["GIT_SSH_COMMAND"] = ownSSH + "=" + quoted(own) + " " + out["GIT_SSH_COMMAND"]
		}
	}
	n, _ := strconv.Atoi(env["GIT_CONFIG_COUNT"])
	n = max(n, 0)
	set := func(key, value string) {
		out[fmt.Sprintf("GIT_CONFIG_KEY_%d", n)], out[fmt.Sprintf("GIT_CONFIG_VALUE_%d", n)] = key, value
		n++
	}
	for _, scope := range a.scopes() {
		set("credential"+scope+".helper", "") // drops those of the user
		set("credential"+scope+".helper", "!"+a.command(LoginVerb))
		set("credential"+scope+".useHttpPath", "true")
	}
	out["GIT_CONFIG_COUNT"] = strconv.Itoa(n)
	return out
}

// scopes are the sections of git's configuration that cover the tokens: a host
// each, or all of them where a pattern does not name one.
func (a *Access) scopes() []string {
	found := map[string]bool{}
	for _, l := range a.logins {
		if l.SSH {
			continue
		}
		scheme, rest, _ := strings.Cut(l.URL, "://")
		host, _, whole := strings.Cut(rest, "/")
		host = host[strings.LastIndexByte(host, '@')+1:]
		if !isHTTP(l.URL) || !whole || host == "" || strings.Contains(host, "*") {
			return []string{""}
		}
		found["."+strings.ToLower(scheme)+"://"+host] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// command is how a shell runs a verb.
func (a *Access) command(verb string) string {
	return quoted(a.program) + " " + verb + " " + quoted(a.dir)
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// Mercurial is the file that HGRCPATH is to name so that hg opens a remote; ""
// where no login is needed.
func (a *Access) Mercurial(raw string) (file string, err error) {
	if a == nil {
		return "", nil
	}
	l, err := fitting(a.logins, raw)
	if l == nil || err != nil {
		return "", err
	}
	text := "[ui]\nssh = " + a.command(SSHVerb) + "\n"
	if !l.SSH {
		u, err := url.Parse(raw)
		if err != nil {
			return "", fmt.Errorf("the remote's URL cannot be parsed")
		}
		user := l.userFor(raw)
		if name := u.User.Username(); name != "" {
			user = name // else hg does not take the entry
		}
		text = fmt.Sprintf("[auth]\nw.prefix = %s%s\nw.schemes = %s\nw.username = %s\nw.password = %s\n",
			u.Host, strings.TrimRight(u.EscapedPath(), "/"), strings.ToLower(u.Scheme), user, l.Token)
	}
	file = filepath.Join(a.dir, fmt.Sprintf("hgrc-%x", sha256.Sum256([]byte(raw))))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("write hg's configuration: %w", err)
	}
	return file, nil
}
