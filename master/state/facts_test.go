package state

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wright-build/wright/manifests"
)

func parse(t *testing.T, instance, text string) *manifests.Manifest {
	t.Helper()
	m, err := manifests.Parse(instance+".toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The indexes always equal those made anew from the facts themselves, and a
// value that was taken out is never changed afterwards.
func TestFactsIndexes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := NewFacts()
		f.Revision = 100
		kept := map[*Build]string{}
		for rev := range rapid.IntRange(1, 80).Draw(t, "changes") {
			changeFacts(t, f, int64(rev+1))
			for _, b := range f.Builds {
				if kept[b] == "" {
					kept[b] = text(b)
				}
			}
		}
		checkQueue(t, f)
		checkGroups(t, f)
		checkVouches(t, f)
		for b, was := range kept {
			if text(b) != was {
				t.Fatalf("a value that was taken out changed from %s to %s", was, text(b))
			}
		}
	})
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func changeFacts(t *rapid.T, f *Facts, rev int64) {
	instance := rapid.SampledFrom([]string{"a", "b", "a-b"}).Draw(t, "instance")
	number := rapid.Int64Range(1, 4).Draw(t, "number")
	b := &Build{
		ID: BuildID{instance, number}.String(), Instance: instance, Number: number,
		State: rapid.SampledFrom(everyBuildState()).Draw(t, "state"), Agent: rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "agent"),
		Priority: rapid.IntRange(-1, 1).Draw(t, "priority"), QueuedAt: time.Unix(rapid.Int64Range(0, 3).Draw(t, "queued"), 0).UTC(),
		FactsAt: rapid.Int64Range(0, 3).Draw(t, "facts at"),
	}
	a := &AppServer{ID: AppServerID(b.ID, 1), Instance: instance}
	var err error
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0, 1, 2:
		err = f.Put(b.Put().Key, []byte(text(b)), rev)
	case 3:
		f.Delete(b.Put().Key)
	case 4:
		err = f.Put(a.Put().Key, []byte(`{"id":"`+a.ID+`","instance":"`+instance+`"}`), rev)
	case 5:
		f.Delete(a.Put().Key)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func checkQueue(t *rapid.T, f *Facts) {
	var want []*Build
	for _, b := range f.Builds {
		if b.State == Queued {
			want = append(want, b)
		}
	}
	slices.SortFunc(want, Before)
	if !slices.Equal(f.Queue(), want) {
		t.Fatalf("queue %s, want %s", text(f.Queue()), text(want))
	}
}

func checkGroups(t *rapid.T, f *Facts) {
	agents, instances, servers := map[string]map[string]*Build{}, map[string]map[string]*Build{}, map[string]map[string]*AppServer{}
	for id, b := range f.Builds {
		if f.ByName(BuildName(b.BuildID())) != b {
			t.Fatalf("build %s is not found by its name", id)
		}
		add(instances, b.Instance, id, b)
		if b.Agent != "" {
			add(agents, b.Agent, id, b)
		}
	}
	for id, a := range f.AppServers {
		add(servers, a.Instance, id, a)
	}
	for _, name := range []string{"", "a", "b", "a-b", "x", "y"} {
		if !maps.Equal(f.OfAgent(name), agents[name]) || !maps.Equal(f.OfInstance(name), instances[name]) || !maps.Equal(f.Servers(name), servers[name]) {
			t.Fatalf("groups of %q: agent %s, instance %s, servers %s", name, text(f.OfAgent(name)), text(f.OfInstance(name)), text(f.Servers(name)))
		}
	}
	if len(f.byAgent) != len(agents) || len(f.byInstance) != len(instances) || len(f.servers) != len(servers) || len(f.ids) != len(f.Builds) {
		t.Fatal("an index keeps what is gone")
	}
}

// checkVouches holds what is vouched for against all that an instance has.
func checkVouches(t *rapid.T, f *Facts) {
	out := 0
	for id, b := range f.Builds {
		if want := b.Vouches(f.Revision, maps.Values(f.OfInstance(b.Instance))); f.Vouches(b) != want {
			t.Fatalf("build %s vouches for %d, want %d", id, f.Vouches(b), want)
		}
		if b.FactsAt > 0 {
			out++
		}
	}
	for _, group := range f.handedOut {
		out -= len(group)
	}
	if out != 0 {
		t.Fatalf("%d builds too few were handed out", out)
	}
}

func TestFactsOrderOfTheQueue(t *testing.T) {
	f := NewFacts()
	for _, b := range []Build{
		{Instance: "late", Number: 1, QueuedAt: time.Unix(9, 0)},
		{Instance: "early", Number: 10, QueuedAt: time.Unix(1, 0)},
		{Instance: "early", Number: 9, QueuedAt: time.Unix(1, 0)},
		{Instance: "urgent", Number: 1, QueuedAt: time.Unix(10, 0), Priority: 5},
		{Instance: "idle", Number: 1, QueuedAt: time.Unix(0, 0), Priority: -5},
	} {
		b.ID, b.State = b.BuildID().String(), Queued
		value, _ := json.Marshal(b)
		if err := f.Put(b.Put().Key, value, 1); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, b := range f.Queue() {
		got = append(got, b.ID)
	}
	if want := []string{"urgent-000001", "early-000009", "early-000010", "late-000001", "idle-000001"}; !slices.Equal(got, want) {
		t.Errorf("queue %v, want %v", got, want)
	}
}

// Every kind of fact that can be written can be read back, with its revision,
// and is forgotten when it is deleted.
func TestFactsOfEveryKind(t *testing.T) {
	ref := &Ref{VCS: "git", URL: "https://h/x", Ref: "refs/heads/main"}
	for _, w := range []Write{
		(&InForce{Instance: "x", File: "x.toml", Text: []byte("[[step]]\nrun='true'\n")}).Put(), (&Fault{Name: "x"}).Put(),
		(&Instance{Name: "x"}).Put(), (&Build{ID: "x-000001", Instance: "x", Number: 1, State: Queued}).Put(), (&Last{Instance: "x"}).Put(),
		(&Agent{Name: "x"}).Put(), ref.Put(ref.Key()), (&Report{Instance: "x"}).Put(), (&Refusal{Instance: "x"}).Put(),
		(&AppServer{ID: "x-000001.1", Instance: "x"}).Put(), (&Active{Instance: "x"}).Put(),
	} {
		f := NewFacts()
		value, err := json.Marshal(w.Value)
		if err != nil {
			t.Fatal(err)
		}
		empty := sizes(f)
		if err := f.Put(w.Key, value, 7); err != nil {
			t.Fatalf("%s: %v", w.Key, err)
		}
		if sizes(f) == empty {
			t.Errorf("%s: not taken in", w.Key)
		}
		if err := f.Put(w.Key, []byte("{"), 8); err == nil {
			t.Errorf("%s: half a value is taken in", w.Key)
		}
		if f.Delete(w.Key); sizes(f) != empty {
			t.Errorf("%s: not forgotten: %s", w.Key, sizes(f))
		}
	}
}

func sizes(f *Facts) string {
	return fmt.Sprint(len(f.Manifests), len(f.Faults), len(f.Instances), len(f.Builds), len(f.Lasts), len(f.Agents),
		len(f.Refs), len(f.Reports), len(f.Refusals), len(f.AppServers), len(f.Actives))
}

func TestFactsIgnoreWhatIsNotTheirs(t *testing.T) {
	f := NewFacts()
	for _, kind := range []Kind{KindDone, KindGone, "tomorrow"} {
		if err := f.Put(Key{kind, "x"}, []byte("not even JSON"), 1); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		f.Delete(Key{kind, "x"})
	}
	f.Delete(Key{KindBuild, "never/there"})
	f.Delete(Key{KindAppServer, "never"})
}
