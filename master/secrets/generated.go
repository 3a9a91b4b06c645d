package secrets

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

// DatabasePassword is the name of the password that Wright makes for the user
// of an instance's database. No person's secret can have such a name.
func DatabasePassword(instance, database string) string {
	return "wright.database." + instance + "." + database
}

// Generate makes a secret that nobody needs to think of, unless it is there. It
// is stored when this returns, so whoever uses it cannot lose it.
func (s *Secrets) Generate(ctx context.Context, name string, now time.Time) error {
	if s.fact(name) != nil {
		return nil
	}
	identity, err := s.identity(true)
	if err != nil {
		return fmt.Errorf("make secret %s: %w", name, err)
	}
	ciphertext, err := seal(identity.Recipient(), name, []byte(rand.Text()))
	if err != nil {
		return fmt.Errorf("encrypt secret %s: %w", name, err)
	}
	err = s.insist(ctx, func(old *state.Secret) (state.Write, error) {
		if old != nil {
			return state.Write{}, errThere // somebody was faster, and theirs may be in use
		}
		return (&state.Secret{Name: name, Ciphertext: ciphertext, CreatedAt: now}).Put(), nil
	}, name)
	// gofail: var passwordStored struct{}
	if errors.Is(err, errThere) {
		return nil
	}
	return err
}

var errThere = errors.New("it is there already")

// ErrNotForInstance means that a manifest names a secret that is not for it.
var ErrNotForInstance = errors.New("it is not for this instance")

// ValueFor gives the secret that an instance's manifest names, as one line or
// several. Errors name it, never its value.
func (s *Secrets) ValueFor(instance, name string) (string, error) {
	fact := s.fact(name)
	if fact == nil {
		return "", fmt.Errorf("secret %.80q: %w", name, store.ErrNotFound)
	}
	generated := strings.HasPrefix(name, DatabasePassword(instance, ""))
	if !generated && !(manifests.Credential{Instances: fact.Instances}).ForInstance(instance) {
		return "", fmt.Errorf("secret %.80q: %w", name, ErrNotForInstance)
	}
	value, err := s.get(name)
	if err != nil {
		return "", fmt.Errorf("secret %.80q: %w", name, err)
	}
	return string(value), nil
}
