package ask

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/agent/workspace/gittest"
	"github.com/wright-build/wright/master/poll/ask/trees"
)

func (s *compareSite) compare(t *testing.T, url, before, after string) (Comparison, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	return s.asker.Compare(ctx, Remote{VCS: "git", URL: url, Trusted: true}, Commits{Before: before, After: after, Paths: before != ""})
}

type compareSite struct{ asker *Asker }

// What changed is found out over every way to a repository, as long as the
// server has both commits; otherwise at least what the newest one says.
func TestCompare(t *testing.T) {
	repo := gittest.New(t)
	first := repo.Commit("one", map[string]string{"src/a": "1", "docs/b": "1"})
	second := repo.Commit("two [skip ci]", map[string]string{"docs/b": "2", "docs/c": "3"})
	plain := gittest.New(t) // no filters
	plain.Git("config", "uploadpack.allowFilter", "false")
	plainFirst := plain.Commit("one", map[string]string{"x/y": "1"})
	plainSecond := plain.Commit("two", map[string]string{"x/y": "2"})
	s := &compareSite{New(Config{})}
	for name, c := range map[string]struct{ url, before, after, want string }{
		"a directory":              {repo.Dir, first, second, "two [skip ci]: docs/b docs/c"},
		"a file URL":               {repo.URL(), first, second, "two [skip ci]: docs/b docs/c"},
		"git":                      {repo.Serve(), first, second, "two [skip ci]: docs/b docs/c"},
		"http":                     {repo.ServeHTTP(), first, second, "two [skip ci]: docs/b docs/c"},
		"only the message":         {repo.URL(), "", second, "two [skip ci]:"},
		"back again":               {repo.URL(), second, first, "one: docs/b docs/c"},
		"nothing":                  {repo.URL(), second, second, "two [skip ci]:"},
		"without filters":          {plain.URL(), plainFirst, plainSecond, "two: x/y"},
		"without filters, message": {plain.URL(), "", plainSecond, "two:"},
		"a commit that is gone":    {repo.URL(), strings.Repeat("1", 40), second, "two [skip ci]: ?"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := s.compare(t, c.url, c.before, c.after)
			slices.Sort(got.Paths)
			text := strings.TrimSpace(got.Message) + ": " + strings.Join(got.Paths, " ")
			if got.Unknown != "" {
				text += "?"
			}
			if err != nil || strings.TrimSpace(text) != strings.TrimSpace(c.want) {
				t.Errorf("%q (%s), %v; want %q", text, got.Unknown, err, c.want)
			}
		})
	}
	for name, c := range map[string][3]string{
		"no commit":            {repo.URL(), "", strings.Repeat("1", 40)},
		"no revision":          {repo.URL(), "", "main"},
		"an option":            {repo.URL(), "--upload-pack=x", second},
		"no repository":        {t.TempDir(), "", second},
		"not so many bytes":    {repo.URL(), strings.Repeat("1", 64), second},
		"a host that hangs up": {hangsUp(t), first, second},
	} {
		if got, err := s.compare(t, c[0], c[1], c[2]); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// Where a server knows no filters, not all files need come to read a message.
func TestOnlyWhatIsNewComes(t *testing.T) {
	repo := gittest.New(t)
	repo.Git("config", "uploadpack.allowFilter", "false")
	repo.Git("config", "core.compression", "0")
	first := repo.Commit("one", map[string]string{"big": strings.Repeat("x", maxAnswer+1), "src/a": "1"})
	second := repo.Commit("two", map[string]string{"src/a": "2"})
	s := New(Config{})
	r := Remote{VCS: "git", URL: repo.URL(), Trusted: true}
	if got, err := s.Compare(t.Context(), r, Commits{Before: first, After: second}); err != nil || got.Message != "two\n" {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := s.Compare(t.Context(), r, Commits{After: second}); err == nil {
		t.Errorf("all of it came: %+v", got)
	}
	got, err := s.Compare(t.Context(), r, Commits{Before: first, After: second, Paths: true})
	if err != nil || got.Message != "two\n" || !strings.Contains(got.Unknown, "MiB") {
		t.Errorf("%+v, %v", got, err)
	}
}

// A server that was not told of protocol 2, as most over ssh, shows commits all
// the same.
func TestOldProtocol(t *testing.T) {
	for name, filter := range map[string]string{"with filters": "true", "without": "false"} {
		t.Run(name, func(t *testing.T) {
			repo := gittest.New(t)
			repo.Git("config", "uploadpack.allowFilter", filter)
			first := repo.Commit("one", map[string]string{"src/a": "1", "docs/b": "1"})
			second := repo.Commit("two", map[string]string{"docs/b": "2"})
			third := repo.Commit("three [skip ci]", map[string]string{"docs/c": "3"})
			for _, o := range []order{
				{wants: []string{third}, filter: "tree:0"},
				{wants: []string{third}, filter: "tree:0", has: second},
				{wants: []string{third, first}, filter: "blob:none"},
			} {
				all, err := fetchOld(t, repo, o)
				if err != nil {
					t.Fatalf("%+v: %v", o, err)
				}
				if message, err := all.Message(third); err != nil || message != "three [skip ci]\n" {
					t.Errorf("%+v: %q, %v", o, message, err)
				}
				if len(o.wants) == 1 {
					continue
				}
				paths, err := all.Changed(first, third)
				if slices.Sort(paths); err != nil || strings.Join(paths, " ") != "docs/b docs/c" {
					t.Errorf("%v, %v", paths, err)
				}
			}
			if all, err := fetchOld(t, repo, order{wants: []string{strings.Repeat("1", 40)}, filter: "tree:0"}); err == nil {
				t.Errorf("a commit that is not there: %v", all)
			}
		})
	}
}

// fetchOld fetches from git's own far side, which knows nothing of protocol 2.
func fetchOld(t *testing.T, repo *gittest.Repo, o order) (trees.Objects, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "upload-pack", repo.Dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close(); _ = cmd.Wait() }() // an error of the other side is read from what it says
	return fetchOver(talk{out, in}, o)
}

// hangsUp is the address of a daemon that says nothing.
func hangsUp(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	return fmt.Sprintf("git://%s/x", l.Addr())
}

func TestCompareEndsInTime(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	s := New(Config{})
	for _, url := range []string{"git://%s/x", "http://%s/x"} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		began := time.Now()
		_, err := s.Compare(ctx, Remote{VCS: "git", URL: fmt.Sprintf(url, l.Addr()), Trusted: true}, Commits{After: strings.Repeat("1", 40)})
		cancel()
		if took := time.Since(began); err == nil || took > 30*time.Second {
			t.Errorf("%s: %v after %s", url, err, took)
		}
	}
	_, err = s.Compare(t.Context(), Remote{VCS: "git", URL: "git://169.254.169.254/x"}, Commits{After: strings.Repeat("1", 40)})
	if err == nil || !strings.Contains(err.Error(), "169.254") {
		t.Errorf("a host that may not be asked: %v", err)
	}
}

// Whatever a server answers to a request for commits, reading ends.
func FuzzReadFetch(f *testing.F) {
	f.Add([]byte("0011shallow-info\n00010000"))
	f.Add([]byte("0008NAK\n0006\x01x0000"))
	f.Add([]byte("000dpackfile\n0006\x02x0006\x03y0000"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		o := order{wants: []string{strings.Repeat("1", 40)}}
		_, _ = o.read(newPackets(strings.NewReader(string(answer))))
		rw := struct {
			io.Reader
			io.Writer
		}{strings.NewReader(string(answer)), io.Discard}
		_, _ = fetchOver(rw, o)
	})
}

// BenchmarkCompare tells what a movement costs that may be one to be skipped.
func BenchmarkCompare(b *testing.B) {
	repo := gittest.New(b)
	first := repo.Commit("one", map[string]string{"src/a": "1", "docs/b": "1"})
	second := repo.Commit("two", map[string]string{"docs/b": "2", "docs/c": "3"})
	if dir := os.Getenv("WRIGHT_BENCH_REPO"); dir != "" {
		repo = gittest.Open(b, dir)
		first, second = repo.Git("rev-parse", "HEAD~100"), repo.Head()
	}
	s := New(Config{})
	for name, c := range map[string][2]string{"message": {"", second}, "paths": {first, second}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Compare(b.Context(), Remote{VCS: "git", URL: repo.URL(), Trusted: true}, Commits{c[0], c[1], c[0] != ""}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
