package ask

import (
	"errors"
	"net"
	"net/url"
	"strings"

	"github.com/wright-build/wright/manifests"
)

// place is where a URL leads.
type place struct {
	scheme string // lower case; "file" for paths
	user   string
	host   string // without brackets; "" for paths
	port   string // never empty beside a host
	path   string // unescaped, as the far side wants it
}

// parsePlace reads the URL of a remote, or scp's form of one.
func parsePlace(raw string) (place, error) {
	if strings.ContainsAny(raw, "\x00\n\r") || strings.HasPrefix(raw, "-") {
		return place{}, errors.New("the URL cannot be read")
	}
	if manifests.IsLocal(raw) {
		return localPlace(raw)
	}
	if !strings.Contains(raw, "://") {
		return scpPlace(raw)
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || strings.ContainsAny(u.Path, "\x00\n\r") {
		return place{}, errors.New("the URL cannot be read") // err repeats it
	}
	p := place{scheme: strings.ToLower(u.Scheme), user: u.User.Username(), host: u.Hostname(), port: u.Port(), path: u.Path}
	if p.port == "" {
		p.port = map[string]string{"https": "443", "http": "80", "ssh": "22", "git": "9418"}[p.scheme]
	}
	if p.port == "" {
		return place{}, errors.New("the scheme of the URL is not known")
	}
	if strings.HasPrefix(p.path, "/~") && (p.scheme == "ssh" || p.scheme == "git") {
		p.path = p.path[1:]
	}
	return p, nil
}

func localPlace(raw string) (place, error) {
	dir := raw
	if !strings.HasPrefix(raw, "/") && strings.Contains(raw, "://") {
		u, err := url.Parse(raw)
		if err != nil {
			return place{}, errors.New("the URL cannot be read")
		}
		dir = u.Path
	}
	if !strings.HasPrefix(dir, "/") {
		return place{}, errors.New("the path of the remote is relative")
	}
	if strings.ContainsAny(dir, "\x00\n\r") {
		return place{}, errors.New("the URL cannot be read")
	}
	return place{scheme: "file", path: dir}, nil
}

// scpPlace reads user@host:path. The host may stand in brackets.
func scpPlace(raw string) (place, error) {
	user, rest, found := strings.Cut(raw, "@")
	if !found {
		user, rest = "", raw
	}
	host, dir, ok := strings.Cut(rest, ":")
	if inner, bracketed := strings.CutPrefix(rest, "["); bracketed {
		host, dir, ok = strings.Cut(inner, "]:")
	}
	if !ok || host == "" || dir == "" || strings.HasPrefix(dir, ":") || strings.ContainsAny(user+host, "/:[") && net.ParseIP(host) == nil {
		return place{}, errors.New("the URL cannot be read")
	}
	return place{scheme: "ssh", user: user, host: host, port: "22", path: dir}, nil
}

// address is host:port.
func (p place) address() string { return net.JoinHostPort(p.host, p.port) }

// Host is where a URL leads, as host:port; "" is this machine's disk.
func Host(url string) string {
	p, err := parsePlace(url)
	if err != nil || p.host == "" {
		return ""
	}
	return strings.ToLower(p.address())
}
