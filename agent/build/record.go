package build

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wright-build/wright/agent/jsonl"
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
	HostFault  bool              `json:"host_fault,omitempty"`
	Cancelled  string            `json:"cancelled,omitempty"`  // why, before anything was ended for it
	Kept       bool              `json:"kept,omitempty"`       // the artifacts
	Warnings   map[int]int64     `json:"warnings,omitempty"`   // by part of the output
	Output     map[int32]int64   `json:"output,omitempty"`     // bytes of its parts, when all was delivered
	NoWatches  bool              `json:"no_watches,omitempty"` // nothing to watch was found, and that was not reported
	Deploying  bool              `json:"deploying,omitempty"`  // the steps are done, the AppServer is being made
}

// firstVersion is where an attempt begins to count its words. One that was lost
// before the master had heard of it is sent again as it was, and what it said in its
// former life may be heard late: the master must take that for the older.
func firstVersion() int64 { return time.Now().UnixMicro() }

type server struct {
	Healthy bool   `json:"healthy,omitempty"`
	Host    string `json:"host,omitempty"`
	Port    int    `json:"port,omitempty"`
}

// journal is the file in which an attempt keeps its work and, after it, each
// state of its record: a line each, only ever appended. After kill -9 the last
// whole line counts. It need not survive a power cut: the master then tries the
// build again. One file and no renaming, because creating and removing files is
// what costs most in a short build.
const journal = "journal"

// entry is one line of a journal.
type entry struct {
	Work   []byte  `json:"work,omitempty"`
	Record *record `json:"record,omitempty"`
}

// keep begins the journal of an attempt with its work.
func keep(dir string, w *agentv1.Work) (*os.File, error) {
	data, err := proto.Marshal(w)
	if err != nil {
		return nil, err
	}
	f, err := openJournal(dir)
	if err != nil {
		return nil, err
	}
	if err := write(f, entry{Work: data}); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func openJournal(dir string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, journal), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
}

func write(f *os.File, e entry) error {
	_, err := jsonl.Append(f, e)
	return err
}

// endLine ends a line that was cut off, so that the next one is read.
func endLine(f *os.File) error {
	_, err := f.Write([]byte{'\n'})
	return err
}

// recall reads what a journal says. The record is nil before the first one;
// torn says that the last line lacks its end.
func recall(dir string) (work *agentv1.Work, last *record, torn bool, err error) {
	data, err := os.ReadFile(filepath.Join(dir, journal))
	if err != nil {
		return nil, nil, false, err
	}
	for line := range bytes.Lines(data) {
		var e entry
		if json.Unmarshal(line, &e) != nil {
			continue // cut off by a kill
		}
		if e.Record != nil {
			last = e.Record
		}
		if e.Work != nil {
			work = &agentv1.Work{}
			err = proto.Unmarshal(e.Work, work)
		}
	}
	if work == nil {
		err = errors.New("no work is kept")
	}
	if err != nil {
		return nil, nil, false, fmt.Errorf("read %s: %w", filepath.Join(dir, journal), err)
	}
	return work, last, !bytes.HasSuffix(data, []byte{'\n'}), nil
}

// update is the record as the master is told.
func (r *record) update(w *agentv1.Work) *agentv1.Update {
	u := &agentv1.Update{
		Build: w.GetBuild(), Attempt: w.GetAttempt(), Version: r.Version, State: r.State, Phase: r.Phase,
		Revisions: r.Revisions, Deploying: r.Deploying, NoWatches: r.NoWatches,
	}
	if final := r.State >= agentv1.State_STATE_SUCCEEDED; final {
		u.Error, u.FinishedAt, u.HostFault = r.Error, timestamppb.New(r.FinishedAt), r.HostFault
		u.Output = r.Output
	}
	for _, n := range r.Warnings {
		u.Warnings += n
	}
	if !r.StartedAt.IsZero() {
		u.StartedAt = timestamppb.New(r.StartedAt)
	}
	if s := r.Server; s != nil {
		u.Server = &agentv1.Server{Spawned: true, Healthy: s.Healthy, Address: s.Host, Port: int32(s.Port)}
	}
	return u
}
