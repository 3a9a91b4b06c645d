package workspace

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/wright-build/wright/manifests"
)

// explainHostKey says what to do about an ssh host that did not prove to be
// the known one. Other errors stay as they are.
func explainHostKey(remote string, err error) error {
	if err == nil || !strings.Contains(err.Error(), "Host key verification failed") {
		return err
	}
	host, scan := sshHost(remote)
	state := "no key of the ssh host %s is known"
	if strings.Contains(err.Error(), "IDENTIFICATION HAS CHANGED") {
		state = "the ssh host %s has another key than the known one"
	}
	return fmt.Errorf(state+": have its owner confirm what %q prints, and put that into the known-hosts file of its [[credential]], "+
		"or, where it has none, into ~/.ssh/known_hosts of the agent's user: %w", host, "ssh-keyscan "+scan, err)
}

// sshHost is the host of a URL, and how ssh-keyscan is told of it.
func sshHost(remote string) (host, scan string) {
	u, err := url.Parse(strings.Replace(manifests.CanonicalURL(remote), "any://", "ssh://", 1))
	if err != nil {
		return "", ""
	}
	if u.Port() != "" {
		return u.Host, "-p " + u.Port() + " " + u.Hostname()
	}
	return u.Host, u.Hostname()
}
