package access

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// maxQuestion bounds what git may ask, in bytes.
const maxQuestion = 64 << 10

// Main is the program that git, ssh and hg ask, from its verb on. It returns the
// exit status, or never, being another program by then.
func Main(args []string, in io.Reader, out, errs io.Writer) int {
	err := errors.New("this is what git and ssh ask during builds")
	switch {
	case len(args) == 3 && args[0] == LoginVerb:
		err = answer(args[1], args[2], in, out)
	case len(args) > 2 && args[0] == SSHVerb:
		err = become(args[1], args[2:])
	}
	if err != nil {
		fmt.Fprintln(errs, "wright:", err)
		return 255 // as of ssh
	}
	return 0
}

// answer tells git the login for what it asks. It knows of no other verb than
// get: what works or does not is not for git to store or erase.
func answer(dir, verb string, in io.Reader, out io.Writer) error {
	if verb != "get" {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(in, maxQuestion))
	if err != nil {
		return fmt.Errorf("read what git asks: %w", err)
	}
	remote, ok := asked(string(text))
	if !ok {
		return nil
	}
	logins, err := read(dir)
	if err != nil {
		return fmt.Errorf("read the logins: %w", err)
	}
	l, err := fitting(logins, remote)
	if l == nil || err != nil {
		return err
	}
	user := l.userFor(remote)
	if strings.ContainsAny(user+l.Token, "\r\n\x00") {
		return fmt.Errorf("the credential for %s holds a line break", l.URL)
	}
	_, err = fmt.Fprintf(out, "username=%s\npassword=%s\nquit=1\n", user, l.Token)
	return err
}

// asked is the remote that git asks a login for; ok is false for what has none.
func asked(text string) (remote string, ok bool) {
	said := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), "=")
		said[key] = value
	}
	if said["protocol"] != "http" && said["protocol"] != "https" || strings.ContainsAny(said["host"], "/@?#") || said["host"] == "" {
		return "", false
	}
	path, _, _ := strings.Cut(said["path"], "/info/lfs") // git-lfs asks below the repository
	u := url.URL{Scheme: said["protocol"], Host: said["host"], Path: "/" + strings.TrimLeft(path, "/")}
	if name := said["username"]; name != "" {
		u.User = url.User(name)
	}
	return u.String(), true
}

// become runs ssh in place of this process, with the key for what it is to reach.
func become(dir string, args []string) error {
	logins, err := read(dir)
	if err != nil {
		return fmt.Errorf("read the logins: %w", err)
	}
	args, fits, err := sshArgs(logins, args)
	if err != nil {
		return err
	}
	if own := os.Getenv(ownSSH); own != "" && !fits {
		shell := []string{"sh", "-c", "exec " + own + ` "$@"`, "ssh"}
		return fmt.Errorf("run a shell: %w", syscall.Exec("/bin/sh", append(shell, args...), os.Environ()))
	}
	ssh, err := exec.LookPath("ssh")
	if err != nil {
		return fmt.Errorf("find ssh: %w", err)
	}
	if err := syscall.Exec(ssh, append([]string{"ssh"}, args...), os.Environ()); err != nil {
		return fmt.Errorf("run %s: %w", ssh, err)
	}
	return nil
}
