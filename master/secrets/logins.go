package secrets

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/wright-build/wright/manifests"
)

// maxKnownHosts bounds a file of known hosts, in bytes.
const maxKnownHosts = 256 << 10

// Login is what a remote is opened with; its zero value is nothing.
type Login struct {
	User           string
	Password       string // of http and https
	Key            []byte // of ssh, in PEM
	KnownHosts     []byte // of ssh; nil: the user's own
	KnownHostsFile string // that they come from
}

// Opener is a credential for the builds of an instance, with what it names.
type Opener struct {
	Login
	URL     string // pattern as of manifests.OpensURL
	SSH     bool
	Problem string // why it cannot be used
}

// Logins are the credentials of the configuration.
type Logins struct {
	secrets *Secrets
	all     []manifests.Credential
}

// NewLogins finds what the credentials name with s.
func NewLogins(s *Secrets, all []manifests.Credential) *Logins { return &Logins{s, all} }

// For is what the master itself opens a remote with: the first credential that
// fits, whichever instances it is for.
func (l *Logins) For(remote string) (Login, error) {
	c, ok := manifests.CredentialFor(l.all, remote, "")
	if !ok {
		return Login{}, nil
	}
	login, err := l.read(c)
	if err != nil {
		return Login{}, fmt.Errorf("%s: %w", c.Name, err)
	}
	if login.User == "" {
		login.User = userOf(remote, c)
	}
	return login, nil
}

// Of is what the builds of an instance get, in the order that counts. What
// cannot be read is said with it: a build that needs it fails, and no other.
func (l *Logins) Of(instance string) []Opener {
	var all []Opener
	for _, c := range l.all {
		if !c.ForInstance(instance) {
			continue
		}
		o := Opener{URL: c.URL, SSH: c.Key.Scheme != ""}
		login, err := l.read(c)
		if err != nil {
			o.Problem = err.Error()
		} else {
			o.Login = login
		}
		all = append(all, o)
	}
	return all
}

// read reads what a credential names.
func (l *Logins) read(c manifests.Credential) (Login, error) {
	login := Login{User: c.User, KnownHostsFile: c.KnownHosts}
	var err error
	if c.Key.Scheme == "" {
		var value []byte
		if value, err = l.secrets.Resolve(c.Token); err == nil {
			login.Password, err = line(value)
		}
		if err != nil {
			return Login{}, fmt.Errorf("the token: %w", err)
		}
		return login, nil
	}
	if login.Key, err = l.secrets.Resolve(c.Key); err != nil {
		return Login{}, fmt.Errorf("the key: %w", err)
	}
	if c.KnownHosts == "" {
		return login, nil
	}
	if login.KnownHosts, err = readFile(c.KnownHosts, maxKnownHosts); err == nil && len(login.KnownHosts) > maxKnownHosts {
		err = fmt.Errorf("it has more than %d bytes", maxKnownHosts)
	}
	if err != nil {
		return Login{}, fmt.Errorf("the known hosts in %s: %w", c.KnownHosts, err)
	}
	if len(login.KnownHosts) == 0 {
		login.KnownHosts = []byte("\n") // no host is known: that is not the user's own
	}
	return login, nil
}

// userOf is who logs in where the credential does not say.
func userOf(remote string, c manifests.Credential) string {
	if u, err := url.Parse(remote); err == nil && u.User.Username() != "" {
		return u.User.Username()
	}
	if user, _, ok := strings.Cut(remote, "@"); ok && !strings.Contains(user, ":") && !strings.Contains(user, "/") {
		return user
	}
	if c.Key.Scheme != "" {
		return "git"
	}
	return "x-access-token"
}
