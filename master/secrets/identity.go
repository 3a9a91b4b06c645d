package secrets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"
)

// identity reads the identity. With fresh it makes one, but never a second one
// for secrets that were encrypted for the first.
func (s *Secrets) identity(fresh bool) (*age.X25519Identity, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, err := os.ReadFile(s.file)
	if errors.Is(err, fs.ErrNotExist) && fresh {
		if n := len(s.Names()); n > 0 {
			return nil, fmt.Errorf("%s is gone, and %d secrets are encrypted for the identity in it: bring it back, or delete them", s.file, n)
		}
		return makeIdentity(s.file)
	}
	if err != nil {
		return nil, fmt.Errorf("read the identity: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			identity, err := age.ParseX25519Identity(line)
			if err != nil {
				break // it might repeat the line
			}
			return identity, nil
		}
	}
	return nil, fmt.Errorf("there is no identity of age in %s", s.file)
}

// ErrForeign means that the secrets of an installation are for another identity.
var ErrForeign = errors.New("the secrets of this installation are encrypted for another identity")

// Share makes sure that this master has the identity which all masters of an
// installation must have: the first one makes it.
func (s *Secrets) Share(ctx context.Context) error {
	own, err := s.identity(true)
	if err != nil {
		return err
	}
	agreed, err := s.store.Recipient(ctx, own.Recipient().String())
	if err == nil && agreed != own.Recipient().String() {
		err = fmt.Errorf("%w than that of %s: copy the file of that name from a master that runs, over this one", ErrForeign, s.file)
	}
	return err
}

// makeIdentity writes a new identity, whole or not at all.
func makeIdentity(file string) (*age.X25519Identity, error) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("make an identity: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".") // 0600
	if err != nil {
		return nil, fmt.Errorf("make an identity: %w", err)
	}
	_, err = fmt.Fprintf(f, "# Wright's secrets are encrypted for this identity: keep a copy.\n# public key: %s\n%s\n", identity.Recipient(), identity)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Link(f.Name(), file) // never over another one
	}
	if err = errors.Join(err, os.Remove(f.Name())); err != nil {
		return nil, fmt.Errorf("write the identity: %w", err)
	}
	return identity, nil
}
