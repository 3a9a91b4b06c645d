//go:build linux

package process

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/wright-build/wright/agent/jsonl"
)

const (
	journalName  = "steps.journal"
	maxJournal   = 256 << 20 // bytes read of one that a former supervisor left
	compactAfter = 4 << 20   // bytes; the journal is rewritten when it has grown so much
)

// record is one line of the journal. One of its fields is set.
type record struct {
	Started   string `json:"started,omitempty"`
	Ended     *Exit  `json:"ended,omitempty"`
	Forgotten string `json:"forgotten,omitempty"`
}

// journal remembers which steps were started and how they ended, beyond the
// death of the supervisor. One file, appended to: a file per step would cost
// more than many a step. It is not synced; it need not outlive the machine,
// since the steps do not.
type journal struct {
	path string

	mu   sync.Mutex // guards all below
	file *os.File
	size int64 // written since the last compaction
}

// memory is what a journal tells a new supervisor.
type memory struct {
	ended map[string]Exit
	lost  map[string]bool // started, and no supervisor saw the end
}

// openJournal reads the journal of dir and begins it anew with what still counts.
func openJournal(dir string) (*journal, memory, error) {
	j := &journal{path: filepath.Join(dir, journalName)}
	m, err := readJournal(j.path)
	if err != nil {
		return nil, memory{}, fmt.Errorf("journal: %w", err)
	}
	if err := j.rewrite(m); err != nil {
		return nil, memory{}, fmt.Errorf("journal: %w", err)
	}
	return j, m, nil
}

func readJournal(path string) (memory, error) {
	m := memory{ended: map[string]Exit{}, lost: map[string]bool{}}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	defer f.Close()
	lines := bufio.NewReader(io.LimitReader(f, maxJournal))
	for {
		line, err := lines.ReadBytes('\n')
		var r record
		if json.Unmarshal(line, &r) == nil { // the last line may be torn
			m.apply(r)
		}
		if errors.Is(err, io.EOF) {
			return m, nil
		}
		if err != nil {
			return m, err
		}
	}
}

func (m memory) apply(r record) {
	switch {
	case r.Started != "":
		m.lost[r.Started] = true
	case r.Ended != nil:
		delete(m.lost, r.Ended.ID)
		m.ended[r.Ended.ID] = *r.Ended
	case r.Forgotten != "":
		delete(m.lost, r.Forgotten)
		delete(m.ended, r.Forgotten)
	}
}

// add appends a record, whole or not at all.
func (j *journal) add(r record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	n, err := jsonl.Append(j.file, r)
	j.size += n
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// grown reports whether the journal is worth a compaction.
func (j *journal) grown() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.size > compactAfter
}

// rewrite replaces the journal by one that says the same as m.
func (j *journal) rewrite(m memory) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	temp := j.path + ".new"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	var errs []error
	for id := range m.lost {
		errs = append(errs, enc.Encode(record{Started: id}))
	}
	for _, exit := range m.ended {
		errs = append(errs, enc.Encode(record{Ended: &exit}))
	}
	errs = append(errs, w.Flush())
	if err := errors.Join(errs...); err != nil {
		f.Close()
		return err
	}
	if err := os.Rename(temp, j.path); err != nil {
		f.Close()
		return err
	}
	if j.file != nil {
		j.file.Close()
	}
	j.file, j.size = f, 0
	return nil
}
