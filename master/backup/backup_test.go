package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

func sha(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// embed starts an etcd, which ends with the test or before.
func embed(t *testing.T, dir string) (cli *clientv3.Client, stop func()) {
	t.Helper()
	e, err := store.Embed(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return e.Client, stop
}

// cluster is an etcd with nothing in it.
func cluster(t *testing.T) *clientv3.Client {
	cli, _ := embed(t, filepath.Join(t.TempDir(), "etcd"))
	return cli
}

func load(t *testing.T, cli *clientv3.Client) *store.Store {
	t.Helper()
	s := store.New(cli, slog.New(slog.DiscardHandler))
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func commit(t *testing.T, s *store.Store, writes ...state.Write) int64 {
	t.Helper()
	rev, err := s.Commit(t.Context(), writes...)
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

// house is the data directory of a master with an instance, a build that runs, one
// that is queued, and files.
type house struct {
	dir  string
	etcd *clientv3.Client
	stop func() // the etcd
	last int64  // revision
}

func build(number int64, s state.BuildState) *state.Build {
	id := state.BuildID{Instance: "shop", Number: number}
	return &state.Build{ID: id.String(), Instance: "shop", Number: number, State: s, Attempt: 1, Agent: "one"}
}

func newHouse(t *testing.T) *house {
	h := &house{dir: t.TempDir()}
	h.etcd, h.stop = embed(t, filepath.Join(h.dir, "etcd"))
	s := load(t, h.etcd)
	lease, err := s.Grant(t.Context(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	commit(t, s, (&state.Instance{Name: "shop", LastNumber: 2, Seen: map[string]state.Seen{"git x": {Revision: "r", At: 2}}}).Put())
	commit(t, s, (&state.Agent{Name: "one", Lease: lease}).Put().Under(lease))
	h.last = commit(t, s, build(1, state.Running).Put(), build(2, state.Queued).Put())
	h.write(t, "history/done/shop/0-499", "old\n")
	h.write(t, "logs/shop/shop-000001/1/01-test.part", "half a li")
	h.write(t, "artifacts/shop/shop-000001/1/files/a b", "whole")
	h.write(t, "artifacts/shop/shop-000001/1/partial-x", "half")
	h.write(t, "manifests/clone/config", "made anew")
	return h
}

func (h *house) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(h.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// backup takes a backup into memory.
func (h *house) backup(t *testing.T, opts Options) []byte {
	t.Helper()
	b, err := Begin(t.Context(), h.source(), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	var out bytes.Buffer
	if err := b.WriteArchive(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func (h *house) source() Source {
	return Source{Data: h.dir, Snapshot: h.etcd.Snapshot, Header: Header{Version: "v1", Installation: "i"}}
}

// text is what a file holds, "-" if there is none.
func text(dir, name string) string {
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return "-"
	}
	return string(content)
}

func restore(t *testing.T, archive []byte, to Target) Restored {
	t.Helper()
	r, err := Restore(t.Context(), bytes.NewReader(archive), to)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestBackupAndRestore(t *testing.T) {
	h := newHouse(t)
	archive := h.backup(t, Options{Output: true})
	if left, _ := filepath.Glob(filepath.Join(h.dir, "backup-*")); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
	dir := filepath.Join(t.TempDir(), "new")
	r := restore(t, archive, Target{Data: dir})
	if r.Instances != 1 || r.Requeued != 1 || !r.Output || r.Key != "none" || r.Installation != "i" {
		t.Errorf("%+v", r)
	}
	for name, want := range map[string]string{
		"history/done/shop/0-499": "old\n", "logs/shop/shop-000001/1/01-test.part": "half a li",
		"artifacts/shop/shop-000001/1/files/a b": "whole", "artifacts/shop/shop-000001/1/partial-x": "-",
		"manifests/clone/config": "-", snapshotName: "-", headerName: "-", workName: "-", "etcd.log": "-",
	} {
		if got := text(dir, name); got != want {
			t.Errorf("%s holds %q, want %q", name, got, want)
		}
	}
	restored, _ := embed(t, filepath.Join(dir, "etcd"))
	checkFacts(t, h, load(t, restored))
}

// checkFacts looks at facts that were restored: they go on, under higher numbers.
func checkFacts(t *testing.T, h *house, s *store.Store) {
	t.Helper()
	var shop state.Instance
	var running, queued state.Build
	s.Read(func(f *state.Facts) {
		shop, running, queued = *f.Instances["shop"], *f.Builds["shop-000001"], *f.Builds["shop-000002"]
	})
	if shop.LastNumber != 2+gap || shop.Seen["git x"].At != 2 {
		t.Errorf("the instance is %+v", shop)
	}
	if running.Attempt != 1 || running.State != state.Running || running.Rev != h.last {
		t.Errorf("the build that ran is %+v, at the revision %d and not %d", running, running.Rev, h.last)
	}
	if queued.Attempt != 2 || queued.State != state.Queued {
		t.Errorf("the build that was queued is %+v", queued)
	}
	if rev := commit(t, s, running.Put()); rev < h.last+later {
		t.Errorf("the next revision is %d, and there was %d", rev, h.last)
	}
	if _, err := s.Commit(t.Context(), running.Put()); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a write that comes too late: %v", err)
	}
}

func TestWithoutOutput(t *testing.T) {
	h := newHouse(t)
	dir := t.TempDir()
	if r := restore(t, h.backup(t, Options{}), Target{Data: dir}); r.Output {
		t.Errorf("%+v", r)
	}
	if text(dir, "history/done/shop/0-499") == "-" || text(dir, "logs/shop/shop-000001/1/01-test.part") != "-" || text(dir, "artifacts") != "-" {
		t.Error("output, or no history")
	}
}

func TestTheKeyOfTheSecrets(t *testing.T) {
	h := newHouse(t)
	h.write(t, keyName, "AGE-SECRET-KEY-1\n")
	if _, err := Begin(t.Context(), h.source(), Options{}); !errors.Is(err, ErrKey) {
		t.Errorf("nobody said what to do with the key: %v", err)
	}
	if _, err := Begin(t.Context(), h.source(), Options{Recipients: []string{"AGE-SECRET-KEY-1"}}); !errors.Is(err, ErrRecipient) || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("no recipient: %v", err)
	}
	mine, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	sealed := h.backup(t, Options{Recipients: []string{mine.Recipient().String()}})
	dir := t.TempDir()
	if _, err := Restore(t.Context(), bytes.NewReader(sealed), Target{Data: dir}); !errors.Is(err, ErrNoIdentity) {
		t.Errorf("without an identity: %v", err)
	}
	if _, err := Restore(t.Context(), bytes.NewReader(sealed), Target{Data: dir, Identities: []age.Identity{other}}); err == nil || !strings.Contains(err.Error(), "key of the secrets") {
		t.Errorf("with another identity: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("a restore that failed leaves %v", left)
	}
	for want, to := range map[string]Target{
		"AGE-SECRET-KEY-1\n": {Data: t.TempDir(), Identities: []age.Identity{other, mine}},
		"-":                  {Data: t.TempDir(), WithoutKey: true},
	} {
		restore(t, sealed, to)
		if got := text(to.Data, keyName); got != want || text(to.Data, sealedName) != "-" {
			t.Errorf("the key is %q, want %q", got, want)
		}
	}
	clear := Target{Data: t.TempDir()}
	restore(t, h.backup(t, Options{ClearKey: true}), clear)
	if got := text(clear.Data, keyName); got != "AGE-SECRET-KEY-1\n" {
		t.Errorf("the key is %q", got)
	}
}

func TestOnlyIntoAnEmptyDirectory(t *testing.T) {
	h := newHouse(t)
	archive := h.backup(t, Options{Output: true})
	_, err := Restore(t.Context(), bytes.NewReader(archive), Target{Data: h.dir})
	if !errors.Is(err, ErrNotEmpty) || text(h.dir, workName) != "-" {
		t.Errorf("over another one: %v", err)
	}
	killed := t.TempDir() // in the middle of a restore
	if err := os.MkdirAll(filepath.Join(killed, workName, "logs", "other"), 0o700); err != nil {
		t.Fatal(err)
	}
	restore(t, archive, Target{Data: killed})
	if all, _ := os.ReadDir(filepath.Join(killed, "logs")); len(all) != 1 {
		t.Errorf("logs are %v", all)
	}
}

// What etcd has a sum of itself, or is no etcd at all, is refused though the archive
// is whole.
func TestABadSnapshot(t *testing.T) {
	h := newHouse(t)
	r, err := h.etcd.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	good, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 1
	for name, snapshot := range map[string][]byte{
		"nothing": nil, "text": []byte("facts"), "zeros": make([]byte, 8192), "half": good[:len(good)/2], "edited": flipped,
	} {
		dir := t.TempDir()
		archive := pack(t, entry{name: headerName, text: header}, entry{name: snapshotName, text: string(snapshot)})
		if _, err := Restore(t.Context(), bytes.NewReader(archive), Target{Data: dir}); err == nil {
			t.Errorf("%s was restored", name)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%s: left are %v", name, left)
		}
	}
}

// Files that grow, and take each other's place, while they are read: what there was
// at the beginning is in the archive, in one form or the other.
func TestFilesThatChange(t *testing.T) {
	h := newHouse(t)
	const parts = 200
	for i := range parts {
		h.write(t, fmt.Sprintf("logs/shop/shop-000001/1/%02d-x.part", i), "begun")
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.change(ctx, parts) }()
	archive := h.backup(t, Options{Output: true})
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	restore(t, archive, Target{Data: dir})
	for i := range parts {
		stem := fmt.Sprintf("logs/shop/shop-000001/1/%02d-x", i)
		if got := text(dir, stem+".part") + text(dir, stem+".5.log"); !strings.Contains(got, "begun") {
			t.Errorf("%s is gone", stem)
		}
	}
}

// change appends to one file and renames the others, until ctx ends.
func (h *house) change(ctx context.Context, parts int) error {
	dir := filepath.Join(h.dir, "logs/shop/shop-000001/1")
	for i := 0; ctx.Err() == nil; i++ {
		f, err := os.OpenFile(filepath.Join(dir, "01-test.part"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		if _, err = f.WriteString("more"); err == nil && i < parts {
			err = os.Rename(filepath.Join(dir, fmt.Sprintf("%02d-x.part", i)), filepath.Join(dir, fmt.Sprintf("%02d-x.5.log", i)))
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}
