package lab

import (
	"context"
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// sshHosts is how many hosts the lab ssh pretends to be.
const sshHosts = 16

// sshd is one OpenSSH server at several loopback addresses: hosts that differ in
// their addresses, and whose files are those of this machine. Who logs in has an
// empty home: what somebody's own .bashrc does takes longer than all else.
func sshd() Lab {
	return Lab{Name: "ssh", Packages: []string{"openssh-server"}, Programs: []string{"sshd"}, start: startSSH}
}

func startSSH(ctx context.Context, r *Running) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	hostKey, hostLine, err := r.sshKey("host")
	if err != nil {
		return err
	}
	userKey, userLine, err := r.sshKey("user")
	if err != nil {
		return err
	}
	if _, _, err = r.sshKey("stranger"); err != nil {
		return err
	}
	authorized, err := r.file("authorized_keys", userLine)
	if err != nil {
		return err
	}
	var listen, known strings.Builder
	var hosts []string
	for i := range sshHosts {
		host := fmt.Sprintf("127.0.77.%d", i+1)
		hosts = append(hosts, host)
		fmt.Fprintf(&listen, "ListenAddress %s\n", host)
		fmt.Fprintf(&known, "[%s]:%s %s", host, port, hostLine)
	}
	knownHosts, err := r.file("known_hosts", known.String())
	if err != nil {
		return err
	}
	home := filepath.Join(r.Dir, "home")
	if err := os.MkdirAll(home, 0o755); err != nil {
		return err
	}
	conf, err := r.file("sshd_config", fmt.Sprintf(sshdConf, port, listen.String(), hostKey, authorized, home))
	if err != nil {
		return err
	}
	if os.Geteuid() == 0 { // sshd wants it, and Debian makes it when the service starts
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			return err
		}
	}
	p, err := r.spawn("sshd", options{}, program("sshd"), "-D", "-e", "-f", conf)
	if err != nil {
		return err
	}
	r.Env = map[string]string{
		"SSH_HOSTS": strings.Join(hosts, " "), "SSH_PORT": port, "SSH_KEY": userKey, "SSH_WRONG_KEY": filepath.Join(r.Dir, "stranger"),
		"SSH_KNOWN_HOSTS": knownHosts, "SSH_HOST_KEY": strings.TrimSpace(hostLine),
	}
	for _, host := range hosts { // sshd begins with the last one
		if err := p.until(ctx, 10*time.Second, accepts(net.JoinHostPort(host, port))); err != nil {
			return err
		}
	}
	return nil
}

// sshKey gives the path of a private key and the line of its public one.
func (r *Running) sshKey(name string) (path, public string, err error) {
	var failed error
	path, text, err := r.fileOnce(name, func() string {
		_, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			failed = err
			return ""
		}
		block, err := ssh.MarshalPrivateKey(private, "")
		if err != nil {
			failed = err
			return ""
		}
		return string(pem.EncodeToMemory(block))
	})
	if err := errors.Join(err, failed); err != nil {
		return path, "", err
	}
	signer, err := ssh.ParsePrivateKey([]byte(text))
	if err != nil {
		return path, "", fmt.Errorf("read %s: %w", path, err)
	}
	return path, string(ssh.MarshalAuthorizedKey(signer.PublicKey())), nil
}

// sshdConf wants the port, the addresses, the host's key, the file of keys that
// may log in, and their home.
const sshdConf = `Port %[1]s
%[2]sHostKey %[3]s
PidFile none
UsePAM no
StrictModes no
AuthorizedKeysFile %[4]s
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
MaxStartups 200
MaxSessions 100
SetEnv "HOME=%[5]s"
`
