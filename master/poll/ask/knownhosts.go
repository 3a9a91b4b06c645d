package ask

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// knownHosts checks the keys of hosts by a file; "" are those of the user and
// the machine, as far as they are there.
func knownHosts(file string) (ssh.HostKeyCallback, error) {
	files := []string{file}
	if file == "" {
		files = nil
		home, _ := os.UserHomeDir()
		for _, f := range []string{filepath.Join(home, ".ssh", "known_hosts"), "/etc/ssh/ssh_known_hosts"} {
			if _, err := os.Stat(f); err == nil {
				files = append(files, f)
			}
		}
	}
	check, err := knownhosts.New(files...)
	if err != nil {
		return nil, fmt.Errorf("read the known hosts: %w", err)
	}
	return func(address string, _ net.Addr, key ssh.PublicKey) error {
		return check(address, anyAddr(), key) // by name: an address may serve several
	}, nil
}

// algorithms are those of the keys that are known of a host, so that it shows
// one of them. They are learnt by asking for a key that no host has.
func algorithms(check ssh.HostKeyCallback, address string) []string {
	nobody, err := ssh.NewPublicKey(make(ed25519.PublicKey, ed25519.PublicKeySize))
	if err != nil {
		return nil
	}
	var unknown *knownhosts.KeyError
	if !errors.As(check(address, anyAddr(), nobody), &unknown) {
		return nil
	}
	var all []string
	for _, known := range unknown.Want {
		if t := known.Key.Type(); t == ssh.KeyAlgoRSA {
			all = append(all, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
		} else {
			all = append(all, t)
		}
	}
	return all
}

// hostKeyError says what to do about a host whose key is not the known one.
func hostKeyError(q question, err error) error {
	var bad *knownhosts.KeyError
	var revoked *knownhosts.RevokedError
	where := q.login.KnownHosts
	if where == "" {
		where = "~/.ssh/known_hosts"
	}
	host := knownhosts.Normalize(q.address())
	switch {
	case errors.As(err, &bad) && len(bad.Want) == 0:
		return fmt.Errorf("the key of the host %s is not known: check it and add it to %s (ssh-keyscan shows it)", host, where)
	case errors.As(err, &bad):
		return fmt.Errorf("the host %s shows another key than the one in %s: somebody may be in between; if the host was changed, replace its line", host, where)
	case errors.As(err, &revoked):
		return fmt.Errorf("the key of the host %s is revoked in %s", host, where)
	case strings.Contains(err.Error(), "unable to authenticate"):
		return fmt.Errorf("the host %s does not take the key of the credential for user %s", host, q.sshUser())
	}
	return fmt.Errorf("connect to %s over ssh: %w", host, err)
}
