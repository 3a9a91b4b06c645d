package build

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// record is what an attempt remembers across deaths of the agent.
type record struct {
	Version    int64             `json:"version"`
	State      agentv1.State     `json:"state"`
	Phase      string            `json:"phase"`
	Error      string            `json:"error,omitempty"`
	Revisions  map[string]string `json:"revisions,omitempty"`
	StartedAt  time.Time         `json:"started_at"`
	FinishedAt time.Time         `json:"finished_at,omitzero"`
	Fetched    bool              `json:"fetched,omitempty"`
	Verdict    agentv1.State     `json:"verdict,omitempty"` // decided, perhaps not delivered yet
	Server     *server           `json:"server,omitempty"`
}

type server struct {
	Healthy bool   `json:"healthy,omitempty"`
	Host    string `json:"host,omitempty"`
	Port    int    `json:"port,omitempty"`
}

const (
	workFile   = "work"
	recordFile = "record.json"
)

// keep makes the directory of an attempt and writes its work down.
func keep(dir string, w *agentv1.Work) error {
	data, err := proto.Marshal(w)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "output"), 0o700); err != nil {
		return fmt.Errorf("keep build %s: %w", w.GetBuild(), err)
	}
	return replace(filepath.Join(dir, workFile), data)
}

// recallWork reads what keep wrote.
func recallWork(dir string) (*agentv1.Work, error) {
	data, err := os.ReadFile(filepath.Join(dir, workFile))
	if err != nil {
		return nil, err
	}
	w := &agentv1.Work{}
	if err := proto.Unmarshal(data, w); err != nil {
		return nil, fmt.Errorf("read %s: %w", dir, err)
	}
	return w, nil
}

func (r *record) save(dir string) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return replace(filepath.Join(dir, recordFile), data)
}

func (r *record) load(dir string) error {
	data, err := os.ReadFile(filepath.Join(dir, recordFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(data, r)
	}
	if err != nil {
		return fmt.Errorf("read what was kept of a build in %s: %w", dir, err)
	}
	return nil
}

// replace writes a file so that it is whole or as before after kill -9. It
// need not survive a power cut: the master then tries the build again.
func replace(path string, data []byte) error {
	temp := path + ".new"
	if err := os.WriteFile(temp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// update is the record as the master is told.
func (r *record) update(w *agentv1.Work) *agentv1.Update {
	u := &agentv1.Update{
		Build: w.GetBuild(), Attempt: w.GetAttempt(), Version: r.Version, State: r.State, Phase: r.Phase,
		Error: r.Error, Revisions: r.Revisions,
	}
	if !r.StartedAt.IsZero() {
		u.StartedAt = timestamppb.New(r.StartedAt)
	}
	if !r.FinishedAt.IsZero() {
		u.FinishedAt = timestamppb.New(r.FinishedAt)
	}
	if s := r.Server; s != nil {
		u.Server = &agentv1.Server{Spawned: true, Healthy: s.Healthy, Address: s.Host, Port: int32(s.Port)}
	}
	return u
}
