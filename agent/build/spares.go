package build

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// Spares are the directories of ended attempts, with nothing but an empty
// journal, empty files of output and empty directories in them, for new attempts
// to take: where many short builds run, making and removing these is what costs
// most. No file that a step may still have open for writing gets here.
type Spares struct {
	dir string

	mu   sync.Mutex // guards all below
	free []string
	made int
}

// maxSpares is how many are kept; an agent with more slots makes the others anew.
const maxSpares = 32

// NewSpares keeps spares below dir, and removes those of a former process.
func NewSpares(dir string) (*Spares, error) {
	s := &Spares{dir: dir}
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("remove old spare directories: %w", err)
	}
	return s, nil
}

// take makes dir, from a spare one if there is one.
func (s *Spares) take(dir string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.free); n > 0 {
		spare := s.free[n-1]
		s.free = s.free[:n-1]
		return os.Rename(spare, dir)
	}
	return os.Mkdir(dir, 0o700)
}

// give keeps dir, whose journal is j, or removes it where there are enough.
func (s *Spares) give(dir string, j *os.File) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.free) >= maxSpares {
		return os.RemoveAll(dir)
	}
	if s.made == 0 {
		if err := os.MkdirAll(s.dir, 0o700); err != nil {
			return err
		}
	}
	spare := filepath.Join(s.dir, fmt.Sprint(s.made))
	err := j.Truncate(0)
	// gofail: var journalEmptied struct{}
	if err = errors.Join(err, os.Rename(dir, spare)); err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	// gofail: var attemptSpared struct{}
	s.made++
	s.free = append(s.free, spare)
	return nil
}

// Clear removes them all; the agent has nothing to do.
func (s *Spares) Clear() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free, s.made = nil, 0
	return os.RemoveAll(s.dir)
}
