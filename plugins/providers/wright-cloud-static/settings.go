package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/credential"
)

// settings is the provider's table of the agent's configuration.
type settings struct {
	Hosts      []host `json:"hosts"`
	PrivateKey string `json:"private-key"`
	KnownHosts string `json:"known-hosts"`
	Clean      string `json:"clean"`
}

// host is one of the inventory.
type host struct {
	Address   string `json:"address"`
	Port      int    `json:"port"`
	User      string `json:"user"`
	Flavor    string `json:"flavor"`
	Directory string `json:"directory"`
	HostKey   string `json:"host-key"`
}

var userName = regexp.MustCompile(`^[A-Za-z0-9_.][A-Za-z0-9_.-]{0,63}$`)

func (s settings) check() error {
	known := map[string]bool{}
	for i, h := range s.Hosts {
		field := fmt.Sprintf("settings.hosts[%d].", i+1)
		if err := h.check(field, s.KnownHosts); err != nil {
			return err
		}
		if known[h.dial()] {
			return plugins.Invalidf(field+"address", "%s is there twice", h.dial())
		}
		known[h.dial()] = true
	}
	if s.KnownHosts != "" && !filepath.IsAbs(s.KnownHosts) {
		return plugins.Invalidf("settings.known-hosts", "%.200q is not an absolute path", s.KnownHosts)
	}
	return checkCommand("settings.clean", s.Clean)
}

func (h host) check(field, knownHosts string) error {
	if err := plugins.CheckHost(field+"address", h.Address); err != nil {
		return err
	}
	if a, err := netip.ParseAddr(h.Address); err == nil && a.Zone() != "" {
		return plugins.Invalidf(field+"address", "%.80q has a zone", h.Address)
	}
	if !userName.MatchString(h.User) {
		return plugins.Invalidf(field+"user", "%.80q is no name of a user", h.User)
	}
	if !path.IsAbs(h.Directory) || len(h.Directory) > 1000 || strings.ContainsAny(h.Directory, "\n\r\x00") {
		return plugins.Invalidf(field+"directory", "%.200q is not an absolute path", h.Directory)
	}
	if h.HostKey == "" && knownHosts == "" {
		return plugins.Invalidf(field+"host-key", "is missing, and so is settings.known-hosts: nobody would know the host")
	}
	if h.HostKey != "" {
		if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(h.HostKey)); err != nil {
			return plugins.Invalidf(field+"host-key", "is no type and key as in known_hosts: %w", err)
		}
	}
	return nil
}

func (h host) dial() string { return net.JoinHostPort(h.Address, strconv.Itoa(h.Port)) }

// signer reads the private key, which may have been replaced since the last time.
func (s settings) signer() (ssh.Signer, error) {
	text, err := credential.Read("settings.private-key", s.PrivateKey)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey([]byte(text + "\n"))
	if _, locked := errors.AsType[*ssh.PassphraseMissingError](err); locked {
		return nil, plugins.Errorf(plugins.Denied, "settings.private-key: it has a passphrase, which nobody is there to type")
	}
	if err != nil {
		return nil, plugins.Errorf(plugins.Denied, "settings.private-key: it is no key in OpenSSH's format") // the cause may quote it
	}
	return signer, nil
}

// hostKeys says which keys of a host are the right ones, and of which kinds they
// are, so that it shows one of them.
func (s settings) hostKeys(h host) (ssh.HostKeyCallback, []string, error) {
	if h.HostKey != "" {
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(h.HostKey))
		if err != nil {
			return nil, nil, plugins.Errorf(plugins.Denied, "read the host key of %s: %w", h.dial(), err)
		}
		return ssh.FixedHostKey(key), algorithms(key), nil
	}
	check, err := knownhosts.New(s.KnownHosts)
	if err != nil {
		return nil, nil, plugins.Errorf(plugins.Denied, "read settings.known-hosts: %w", err)
	}
	byName := func(address string, _ net.Addr, key ssh.PublicKey) error { return check(address, nowhere(), key) }
	unknown, isKeyError := errors.AsType[*knownhosts.KeyError](byName(h.dial(), nil, nobody()))
	if !isKeyError || len(unknown.Want) == 0 {
		return nil, nil, plugins.Errorf(plugins.Denied, "%s is not in %s", h.dial(), s.KnownHosts)
	}
	var kinds []string
	for _, k := range unknown.Want {
		kinds = append(kinds, algorithms(k.Key)...)
	}
	return byName, kinds, nil
}

// nowhere is the address of a host that is looked up by name only.
func nowhere() net.Addr { return &net.TCPAddr{IP: net.IPv4zero} }

// nobody is a key that no host has: asking for it tells which ones are known.
func nobody() ssh.PublicKey {
	key, _, _, _, _ := ssh.ParseAuthorizedKey([]byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))
	return key
}

func algorithms(key ssh.PublicKey) []string {
	if key.Type() == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{key.Type()}
}
