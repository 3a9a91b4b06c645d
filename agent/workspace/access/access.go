// Package access is the one place that says how a build opens remotes: which of
// its logins fits a URL, and what git, ssh and hg are told so that they use it.
// No secret is ever in an argument or a variable: the programs are told where to
// ask, and what they ask is this package again, in a process of its own, which
// reads the logins from files of the attempt. It does not know where logins come
// from, nor what is fetched.
package access

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/wright-build/wright/manifests"
)

// Login opens the remotes that a pattern covers.
type Login struct {
	URL        string `json:"url"` // as manifests.OpensURL reads it
	User       string `json:"user,omitempty"`
	SSH        bool   `json:"ssh,omitempty"` // Key counts, not Token
	Token      string `json:"token,omitempty"`
	Key        []byte `json:"key,omitempty"`         // in PEM
	KnownHosts []byte `json:"known_hosts,omitempty"` // none: those of the user
	Problem    string `json:"problem,omitempty"`     // why it cannot be used

	key, hosts string // files that Key and KnownHosts are in
}

// loginsFile is the name of the file with all logins.
const loginsFile = "logins"

// maxLogins bounds that file, in bytes.
const maxLogins = 16 << 20

// Keep writes logins into dir, which is made; nobody else may read them. Without
// any there is nothing to keep.
func Keep(dir string, logins []Login) error {
	if len(logins) == 0 {
		return nil
	}
	text, err := json.Marshal(logins)
	if err != nil {
		return fmt.Errorf("encode the logins: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("keep the logins: %w", err)
	}
	files := map[string][]byte{loginsFile: text}
	for i, l := range logins {
		if len(l.Key) > 0 {
			files[keyFile(i)] = append([]byte(strings.TrimRight(string(l.Key), "\r\n")), '\n') // ssh wants the line's end
		}
		if len(l.KnownHosts) > 0 {
			files[hostsFile(i)] = l.KnownHosts
		}
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return fmt.Errorf("keep the logins: %w", err)
		}
	}
	return nil
}

func keyFile(i int) string { return fmt.Sprintf("key-%d", i) }

func hostsFile(i int) string { return fmt.Sprintf("hosts-%d", i) }

// Access is the logins of one build. A nil one has none, and changes nothing.
type Access struct {
	dir     string
	program string // answers to the verbs of this package
	logins  []Login
}

// Open reads what Keep wrote into dir; nothing there is a nil Access. program is
// what git, ssh and hg are told to ask: it runs Main for the verbs below.
func Open(dir, program string) (*Access, error) {
	logins, err := read(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the logins: %w", err)
	}
	return &Access{dir: dir, program: program, logins: logins}, nil
}

func read(dir string) ([]Login, error) {
	file := filepath.Join(dir, loginsFile)
	if fi, err := os.Lstat(file); err != nil {
		return nil, err
	} else if !fi.Mode().IsRegular() || fi.Size() > maxLogins {
		return nil, fmt.Errorf("%s is no file of logins", file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var logins []Login
	if json.Unmarshal(text, &logins) != nil { // its error might repeat a secret
		return nil, fmt.Errorf("%s cannot be understood", file)
	}
	for i := range logins {
		if len(logins[i].Key) > 0 {
			logins[i].key = filepath.Join(dir, keyFile(i))
		}
		if len(logins[i].KnownHosts) > 0 {
			logins[i].hosts = filepath.Join(dir, hostsFile(i))
		}
	}
	return logins, nil
}

// Secrets are what must not be shown: tokens and keys.
func (a *Access) Secrets() []string {
	if a == nil {
		return nil
	}
	var all []string
	for _, l := range a.logins {
		for _, s := range []string{l.Token, string(l.Key)} {
			if s != "" {
				all = append(all, s)
			}
		}
	}
	return all
}

// Problems says which logins cannot be used, and why.
func (a *Access) Problems() []string {
	if a == nil {
		return nil
	}
	var all []string
	for _, l := range a.logins {
		if l.Problem != "" {
			all = append(all, fmt.Sprintf("the credential for %s cannot be used: %s", l.URL, l.Problem))
		}
	}
	return all
}

// Basic is the user and token for a remote that is reached through http or
// https; ok is false where there is none.
func (a *Access) Basic(raw string) (user, token string, ok bool, err error) {
	if a == nil || isSSH(raw) {
		return "", "", false, nil
	}
	l, err := fitting(a.logins, raw)
	if l == nil || err != nil {
		return "", "", false, err
	}
	return l.userFor(raw), l.Token, true, nil
}

// Who tells who asks for a remote: the same text for the same login, "" for
// none. It does not show the login.
func (a *Access) Who(raw string) string {
	if a == nil {
		return ""
	}
	l, err := fitting(a.logins, raw)
	if l == nil || err != nil {
		return ""
	}
	text, _ := json.Marshal([]any{l.URL, l.User, l.SSH, l.Token, l.Key, l.KnownHosts}) // of texts
	return fmt.Sprintf("%x", sha256.Sum256(text))
}

// fitting is the first login for a remote, nil if there is none.
func fitting(logins []Login, raw string) (*Login, error) {
	for i := range logins {
		l := &logins[i]
		if l.SSH != isSSH(raw) || !isSSH(raw) && !isHTTP(raw) || !manifests.OpensURL(l.URL, raw) {
			continue
		}
		if l.Problem != "" {
			return nil, fmt.Errorf("the credential for %s cannot be used: %s", l.URL, l.Problem)
		}
		return l, nil
	}
	return nil, nil
}

func isHTTP(raw string) bool {
	scheme, _, ok := strings.Cut(raw, "://")
	scheme = strings.ToLower(scheme)
	return ok && (scheme == "http" || scheme == "https")
}

func isSSH(raw string) bool {
	scheme, _, ok := strings.Cut(raw, "://")
	return ok && strings.EqualFold(scheme, "ssh") || !ok && !manifests.IsLocal(raw)
}

// userFor is the user to log in as: the credential's, else the URL's, else what
// forges take.
func (l *Login) userFor(raw string) string {
	if l.User != "" {
		return l.User
	}
	if u, err := url.Parse(raw); err == nil && u.User.Username() != "" {
		return u.User.Username()
	}
	if l.SSH {
		return "git"
	}
	return "x-access-token"
}
