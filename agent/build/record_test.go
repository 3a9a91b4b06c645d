package build

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// journalOf writes the journal of an attempt that said a number of words.
func journalOf(t testing.TB, w *agentv1.Work, words int) []byte {
	t.Helper()
	dir := t.TempDir()
	f, err := keep(dir, w)
	if err != nil {
		t.Fatal(err)
	}
	for v := range words {
		r := record{
			Version: int64(v + 1), State: agentv1.State_STATE_RUNNING, Phase: fmt.Sprintf("step \"%d\"\n", v),
			StartedAt: time.Unix(1e9, 0).UTC(), Server: &server{Host: "127.0.0.2", Port: 80, Healthy: v%2 == 0},
		}
		if err := write(f, entry{Record: &r}); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, journal))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func journalDir(t testing.TB, data []byte) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, journal), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// wholeLines is how many lines of a journal that is cut off say something: the
// last one may lack no more than its end.
func wholeLines(data []byte) int {
	n := bytes.Count(data, []byte{'\n'})
	if last := data[bytes.LastIndexByte(data, '\n')+1:]; json.Valid(last) {
		n++
	}
	return n
}

// TestRecallOfEveryPrefix: wherever a kill cut the journal off, what was written
// whole is known, and the attempt goes on from there: the next word is known to
// the agent after that, too.
func TestRecallOfEveryPrefix(t *testing.T) {
	w := work("make test", "printf '\\n'")
	data := journalOf(t, w, 4)
	tools, _ := tools(t)
	dir := t.TempDir()
	for cut := range len(data) + 1 {
		if err := os.WriteFile(filepath.Join(dir, journal), data[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		lines := wholeLines(data[:cut])
		a, err := Resume(tools, dir)
		if lines == 0 {
			if err == nil {
				t.Fatalf("cut at %d: there is no work, and it was taken up", cut)
			}
			continue
		}
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		version := a.Update().GetVersion()
		if !proto.Equal(a.work, w) || lines > 1 && version != int64(lines-1) {
			t.Fatalf("cut at %d: version %d, want %d; work %v", cut, version, lines-1, a.work)
		}
		if err := a.phase("next"); err != nil {
			t.Fatal(err)
		}
		_ = a.journal.Close()
		if a, err = Resume(tools, dir); err != nil {
			t.Fatalf("cut at %d, once more: %v", cut, err)
		}
		_ = a.journal.Close()
		if u := a.Update(); u.GetVersion() != version+1 || u.GetPhase() != "next" {
			t.Fatalf("cut at %d: the word after it is lost: %v", cut, u)
		}
	}
}

func TestRecallRefuses(t *testing.T) {
	noWork, _ := json.Marshal(entry{Record: &record{Version: 1}})
	badWork, _ := json.Marshal(entry{Work: []byte("\xff\xff\xff")})
	for name, data := range map[string][]byte{
		"empty": nil, "of another kind": []byte("hello\nworld\n"), "no work": append(noWork, '\n'), "work that cannot be read": append(badWork, '\n'),
	} {
		if _, _, _, err := recall(journalDir(t, data)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, _, _, err := recall(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no journal: %v", err)
	}
}

func FuzzRecall(f *testing.F) {
	data := journalOf(f, work("true"), 2)
	f.Add(data)
	f.Add(data[:len(data)-1])
	f.Add(data[:len(data)/2])
	f.Add([]byte("{\"record\":null}\n{}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := journalDir(t, data)
		w, _, _, err := recall(dir)
		if (w == nil) != (err != nil) {
			t.Fatalf("work %v, error %v", w, err)
		}
		tools, _ := tools(t)
		a, err := Resume(tools, dir)
		if err != nil {
			return
		}
		if err := a.phase("next"); err != nil {
			return // a version that cannot be written is none of ours
		}
		_ = a.journal.Close()
		if _, r, _, err := recall(dir); err != nil || r == nil || r.Phase != "next" {
			t.Errorf("the word after it is lost: %v, %v", r, err)
		}
	})
}

func TestVerdictOfARecord(t *testing.T) {
	early := time.Unix(1e9, 0).UTC()
	for _, c := range []struct {
		name    string
		verdict error
		state   agentv1.State
		text    string
	}{
		{"good", nil, agentv1.State_STATE_SUCCEEDED, ""},
		{"a step failed", failed("step %s failed", "test"), agentv1.State_STATE_FAILED, "step test failed"},
		{"within another", fmt.Errorf("while testing: %w", failed("no")), agentv1.State_STATE_FAILED, "no"},
		{"cancelled", &cancelled{reason: "ann had enough"}, agentv1.State_STATE_CANCELLED, "ann had enough"},
		{"cancelled by a failure", errors.Join(failed("no"), &cancelled{reason: "enough"}), agentv1.State_STATE_CANCELLED, "enough"},
		{"no disk", errors.New("no space left"), agentv1.State_STATE_ERRORED, "no space left"},
	} {
		r := record{State: agentv1.State_STATE_RUNNING, Phase: "step test"}
		r.end(c.verdict)
		if r.Verdict != c.state || r.Error != c.text || r.FinishedAt.IsZero() {
			t.Errorf("%s: %+v", c.name, r)
		}
		if u := r.update(work()); u.GetState() != agentv1.State_STATE_RUNNING || u.GetError() != "" || u.GetFinishedAt() != nil {
			t.Errorf("%s: before it is delivered the master is told %v", c.name, u)
		}
		again := record{FinishedAt: early}
		if again.end(c.verdict); !again.FinishedAt.Equal(early) {
			t.Errorf("%s: it ended at %s, and then at %s", c.name, early, again.FinishedAt)
		}
	}
}

func TestUpdateOfARecord(t *testing.T) {
	at := time.Unix(1e9, 5).UTC()
	r := record{
		Version: 7, State: agentv1.State_STATE_FAILED, Error: "no", Revisions: map[string]string{"u": "r"}, StartedAt: at, FinishedAt: at.Add(time.Second),
		Server: &server{Healthy: true, Host: "127.0.0.2", Port: 81},
	}
	u := r.update(&agentv1.Work{Build: "b", Attempt: 3})
	if u.GetBuild() != "b" || u.GetAttempt() != 3 || u.GetVersion() != 7 || u.GetState() != r.State || u.GetError() != "no" ||
		u.GetRevisions()["u"] != "r" || !u.GetStartedAt().AsTime().Equal(at) || !u.GetFinishedAt().AsTime().Equal(r.FinishedAt) {
		t.Errorf("got %v", u)
	}
	if s := u.GetServer(); !s.GetSpawned() || !s.GetHealthy() || s.GetAddress() != "127.0.0.2" || s.GetPort() != 81 {
		t.Errorf("server: %v", s)
	}
	if u := (&record{}).update(&agentv1.Work{}); u.GetStartedAt() != nil || u.GetFinishedAt() != nil || u.GetServer() != nil {
		t.Errorf("nothing has happened, and the master is told %v", u)
	}
}

// The time that an attempt has left is never more than all of it, though the clock
// was put back while the agent was away.
func TestTimeLeft(t *testing.T) {
	began := time.Unix(100_000, 0)
	a := &Attempt{work: &agentv1.Work{Timeout: durationpb.New(time.Hour)}, record: record{StartedAt: began}}
	for after, want := range map[time.Duration]time.Duration{0: time.Hour, 20 * time.Minute: 40 * time.Minute, 2 * time.Hour: -time.Hour, -3 * time.Hour: time.Hour} {
		if _, left := a.timeout(began.Add(after)); left != want {
			t.Errorf("after %s there are %s left, want %s", after, left, want)
		}
	}
}
