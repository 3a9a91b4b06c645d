package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"

	"github.com/wright-build/wright/agent/workspace/gittest"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// keeping is a master that keeps the output, and stores each word.
type keeping struct {
	deaf
	agentv1.AgentsClient
	output bytes.Buffer // guarded by mu
}

func (k *keeping) Client() agentv1.AgentsClient { return k }

func (k *keeping) Logs(context.Context, ...grpc.CallOption) (grpc.BidiStreamingClient[agentv1.LogChunk, agentv1.LogAck], error) {
	return &keptChunks{master: k, acks: make(chan *agentv1.LogAck, 1000)}, nil
}

func (k *keeping) log() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.output.String()
}

type keptChunks struct {
	grpc.BidiStreamingClient[agentv1.LogChunk, agentv1.LogAck]
	master *keeping
	acks   chan *agentv1.LogAck
	once   sync.Once
}

func (s *keptChunks) Send(c *agentv1.LogChunk) error {
	s.master.mu.Lock()
	defer s.master.mu.Unlock()
	s.master.output.Write(c.GetData())
	s.acks <- &agentv1.LogAck{Build: c.GetBuild(), Attempt: c.GetAttempt(), Part: c.GetPart(), Size: c.GetOffset() + int64(len(c.GetData())), Ended: c.GetEnd()}
	return nil
}

func (s *keptChunks) Recv() (*agentv1.LogAck, error) {
	ack, ok := <-s.acks
	if !ok {
		return nil, context.Canceled
	}
	return ack, nil
}

func (s *keptChunks) CloseSend() error {
	s.once.Do(func() { close(s.acks) })
	return nil
}

const token = "glpat-0123456789abcdef"

// holding lists the files below dir that hold the token.
func holding(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(token)) {
			files = append(files, d.Name())
			if info, err := d.Info(); err == nil && info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v", path, info.Mode())
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// entrusted is work on a repository that wants a token, with it.
func entrusted(t *testing.T, steps ...string) (*agentv1.Work, *gittest.Repo) {
	t.Helper()
	repo := gittest.New(t)
	repo.Commit("one", map[string]string{"a": "b"})
	w := work(steps...)
	w.Source = &agentv1.Source{Vcs: "git", Url: repo.ServeToken(token), Branch: "main"}
	w.Credentials = []*agentv1.Credential{{Url: w.Source.Url, Token: token}, {Url: "https://gone.test/*", Problem: "the token: it is gone"}}
	return w, repo
}

// TestStepsUseTheLogins: the fetch and the steps' own git log in, the log tells
// of it without the token, and of the attempt nothing is left.
func TestStepsUseTheLogins(t *testing.T) {
	tools, _ := tools(t)
	tools.Opener, tools.Supervisor = os.Args[0], supervisor(t)
	master := &keeping{}
	tools.Master = master
	w, repo := entrusted(t, `git ls-remote "$(git remote get-url origin)" refs/heads/main
		git remote get-url origin | sed 's,\(.*\)://\([^/]*\)/\(.*\),protocol=\1\nhost=\2\npath=\3\n,' | git credential fill`)
	dir := filepath.Join(t.TempDir(), "shop-000001.1")
	a, err := New(tools, dir, w)
	if err != nil {
		t.Fatal(err)
	}
	if got := holding(t, dir); len(got) != 1 || got[0] != "logins" {
		t.Errorf("the token is in %q", got)
	}
	if len(w.GetCredentials()) != 2 || len(a.work.GetCredentials()) != 0 {
		t.Error("the credentials are not where they belong")
	}
	run(t, a, &master.deaf)
	if u := master.last(); u.GetState() != agentv1.State_STATE_SUCCEEDED {
		t.Errorf("it ended with %v", u)
	}
	log := master.log()
	for _, want := range []string{repo.Head() + "\trefs/heads/main", "username=x-access-token\npassword=***\n", "https://gone.test/* cannot be used: the token: it is gone"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q:\n%s", want, log)
		}
	}
	if strings.Contains(log, token) {
		t.Errorf("the log tells the token:\n%s", log)
	}
	if got := holding(t, filepath.Dir(dir)); len(got) != 0 {
		t.Errorf("it is left in %q", got)
	}
}

// TestLoginsOfARestartedAgent: it takes them up with the attempt, without the
// work being sent again, and removes them with it.
func TestLoginsOfARestartedAgent(t *testing.T) {
	tools, _ := tools(t)
	tools.Opener, tools.Supervisor = os.Args[0], supervisor(t)
	master := &keeping{}
	tools.Master = master
	ready, goOn := filepath.Join(t.TempDir(), "ready"), filepath.Join(t.TempDir(), "go-on")
	w, repo := entrusted(t, fmt.Sprintf("echo %s; echo $$ >%s; until test -e %s; do sleep 0.05; done", token, ready, goOn), "git ls-remote origin refs/heads/main")
	dir := filepath.Join(t.TempDir(), "shop-000001.1")
	a, err := New(tools, dir, w)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	pidIn(t, ready)
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("stopped: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, logins)); err != nil {
		t.Fatalf("the next agent finds no logins: %v", err)
	}
	if a, err = Resume(tools, dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(goOn, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, a, &master.deaf)
	if u := master.last(); u.GetState() != agentv1.State_STATE_SUCCEEDED {
		t.Errorf("it ended with %v", u)
	}
	if log := master.log(); !strings.Contains(log, repo.Head()) || !strings.Contains(log, "***") || strings.Contains(log, token) {
		t.Errorf("log:\n%s", log)
	}
	if got := holding(t, filepath.Dir(dir)); len(got) != 0 {
		t.Errorf("it is left in %q", got)
	}
}

// TestErrorsWithoutSecrets: what an attempt failed with may be what a remote said.
func TestErrorsWithoutSecrets(t *testing.T) {
	tools, master := tools(t)
	w := work("true")
	w.Credentials = []*agentv1.Credential{{Url: "https://git.test/*", Token: token}}
	w.Source = &agentv1.Source{Vcs: "git", Url: "/nowhere/" + token}
	a, err := New(tools, filepath.Join(t.TempDir(), "shop-000001.1"), w)
	if err != nil {
		t.Fatal(err)
	}
	a.Supervisor = supervisor(t)
	run(t, a, master)
	if u := master.last(); u.GetState() != agentv1.State_STATE_ERRORED || strings.Contains(u.GetError(), token) || !strings.Contains(u.GetError(), "/nowhere/***") {
		t.Errorf("it says %v", u)
	}
}
