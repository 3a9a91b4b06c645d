// Package secrets keeps secrets, and finds those that the configuration names.
// What it keeps is a fact in etcd, encrypted with age for an identity that is
// only in a file of the master. It decides which credential opens which remote,
// for the master and for builds; it does not know remotes, agents or hooks.
package secrets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"sync"
	"time"

	"filippo.io/age"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

const (
	maxSecret = 64 << 10 // bytes of a secret, wherever it is
	maxKept   = 32 << 10 // bytes of one that is kept here
)

// Refusals of Put.
var (
	ErrName  = errors.New("a secret's name is 1 to 63 of a-z, 0-9 and -, and does not begin with -")
	ErrValue = fmt.Errorf("a secret has 1 to %d bytes", maxKept)
	// ErrInstances refuses what no instance can fit.
	ErrInstances = errors.New(`a secret is for instances such as "shop" or "shop-*", at most 100 of them`)
)

// Secrets is the room. It is safe for concurrent use.
type Secrets struct {
	store *store.Store
	file  string // with the identity

	mu   sync.Mutex       // guards all below
	open map[string]plain // by name
}

// plain is a decrypted secret, as of a revision of its fact.
type plain struct {
	rev   int64
	value []byte
}

// New makes the room; file holds its identity, and is made at the first Put.
func New(st *store.Store, file string) *Secrets {
	return &Secrets{store: st, file: file, open: map[string]plain{}}
}

// Name is one secret, as people may see it.
type Name struct {
	Name      string
	Instances []string // patterns of the instances whose manifests may name it; empty: none
	CreatedAt time.Time
}

// Names lists the secrets, by name.
func (s *Secrets) Names() []Name {
	all := []Name{}
	s.store.Read(func(f *state.Facts) {
		for _, name := range slices.Sorted(maps.Keys(f.Secrets)) {
			all = append(all, Name{name, f.Secrets[name].Instances, f.Secrets[name].CreatedAt})
		}
	})
	return all
}

var (
	wellNamed   = regexp.MustCompile(`\A[a-z0-9][a-z0-9-]{0,62}\z`)
	wellPattern = regexp.MustCompile(`\A[a-z0-9*-]{1,63}\z`)
)

// ValidName tells whether a secret may be called so.
func ValidName(name string) bool { return wellNamed.MatchString(name) }

func validPatterns(instances []string) bool {
	for _, pattern := range instances {
		if !wellPattern.MatchString(pattern) {
			return false
		}
	}
	return len(instances) <= 100
}

// Put keeps a secret, in place of one of that name. The manifests of instances
// that fit a pattern may name it; nil leaves that as it is.
func (s *Secrets) Put(ctx context.Context, name string, value []byte, instances []string, now time.Time) error {
	value = trimmed(value)
	switch {
	case !ValidName(name):
		return ErrName
	case len(value) == 0 || len(value) > maxKept:
		return ErrValue
	case !validPatterns(instances):
		return ErrInstances
	}
	identity, err := s.identity(true)
	if err != nil {
		return fmt.Errorf("keep secret %s: %w", name, err)
	}
	ciphertext, err := seal(identity.Recipient(), name, value)
	if err != nil {
		return fmt.Errorf("encrypt secret %s: %w", name, err)
	}
	return s.insist(ctx, func(old *state.Secret) (state.Write, error) {
		next := state.Secret{Name: name, Ciphertext: ciphertext, Instances: instances, CreatedAt: now}
		if old != nil {
			next.Meta = old.Meta
		}
		if old != nil && instances == nil {
			next.Instances = old.Instances
		}
		return next.Put(), nil
	}, name)
}

// Delete forgets a secret.
func (s *Secrets) Delete(ctx context.Context, name string) error {
	return s.insist(ctx, func(old *state.Secret) (state.Write, error) {
		if old == nil {
			return state.Write{}, fmt.Errorf("secret %.80q: %w", name, store.ErrNotFound)
		}
		return old.Put().Drop(), nil
	}, name)
}

// insist makes one write, deciding anew when somebody was faster.
func (s *Secrets) insist(ctx context.Context, decide func(old *state.Secret) (state.Write, error), name string) error {
	for {
		w, err := decide(s.fact(name))
		if err != nil {
			return err
		}
		if err = s.store.CommitSeen(ctx, w); !errors.Is(err, store.ErrConflict) {
			return err
		}
		if err := s.store.CatchUp(ctx); err != nil {
			return err
		}
	}
}

func (s *Secrets) fact(name string) (fact *state.Secret) {
	s.store.Read(func(f *state.Facts) { fact = f.Secrets[name] })
	return fact
}

// get decrypts a secret, or remembers it from the last time.
func (s *Secrets) get(name string) ([]byte, error) {
	fact := s.fact(name)
	if fact == nil {
		return nil, store.ErrNotFound
	}
	s.mu.Lock()
	known := s.open[name]
	s.mu.Unlock()
	if known.rev == fact.Rev {
		return known.value, nil
	}
	identity, err := s.identity(false)
	if err != nil {
		return nil, err
	}
	value, err := unseal(identity, name, fact.Ciphertext)
	if err != nil {
		return nil, fmt.Errorf("decrypt it with the identity in %s: %w", s.file, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[name] = plain{fact.Rev, value}
	return value, nil
}

// seal encrypts a secret together with its name: who can write to etcd must not
// be able to pass one off as another.
func seal(to age.Recipient, name string, value []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(append([]byte(name+"\n"), value...)); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func unseal(identity age.Identity, name string, ciphertext []byte) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(ciphertext), identity)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(r, maxSecret))
	if err != nil {
		return nil, err
	}
	value, ok := bytes.CutPrefix(text, []byte(name+"\n"))
	if !ok {
		return nil, errors.New("it was encrypted under another name")
	}
	return value, nil
}

// trimmed is a secret without the end of its last line.
func trimmed(value []byte) []byte { return bytes.TrimRight(value, "\r\n") }
