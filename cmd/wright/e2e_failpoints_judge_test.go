package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/api/view"
)

// briefly asks the master something, which may be dead or just about to die.
func briefly[T any](s *deathbed, question func(context.Context, *client.Client) (T, error)) (v T, ok bool) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Second)
	defer cancel()
	c, err := client.New(s.h.Address, "")
	if err == nil {
		v, err = question(ctx, c)
	}
	return v, err == nil
}

// list lists the builds of an instance. None of them may end but well.
func (s *deathbed) list(instance string) ([]view.Build, bool) {
	s.t.Helper()
	all, ok := briefly(s, func(ctx context.Context, c *client.Client) ([]view.Build, error) {
		return c.Builds(ctx, instance, "", 100)
	})
	for _, b := range all {
		if b.Ended() && !b.Succeeded() {
			s.t.Fatalf("%s %s: %s\n%s", b.ID, b.State, b.Error, s.h.WholeLog(b.ID))
		}
	}
	return all, ok
}

// builds is how many builds of an instance there have been, once none is under way.
func (s *deathbed) builds(instance string) int {
	s.t.Helper()
	all, ok := s.list(instance)
	for _, b := range all {
		ok = ok && b.Ended()
	}
	if !ok {
		return -1
	}
	return len(all)
}

// build has instances built once more each: a request of which the master did not
// say that it has it is made again.
func (s *deathbed) build(instances ...string) {
	s.t.Helper()
	before := map[string]int{}
	s.await(fmt.Sprintf("%q to be known", instances), func() bool {
		for _, name := range instances {
			_, known := briefly(s, func(ctx context.Context, c *client.Client) (view.Instance, error) { return c.Instance(ctx, name) })
			if before[name] = s.builds(name); !known || before[name] < 0 {
				return false
			}
		}
		return true
	})
	s.await(fmt.Sprintf("%q to be built", instances), func() bool {
		done := 0
		for _, name := range instances {
			if all, ok := s.list(name); ok && len(all) == before[name] {
				_, _ = briefly(s, func(ctx context.Context, c *client.Client) (view.Build, error) {
					return c.StartBuild(ctx, client.Start{Instance: name})
				})
			} else if s.builds(name) > before[name] {
				done++
			}
		}
		return done == len(instances)
	})
}

// cancel has the long build started, and cancelled once it runs.
func (s *deathbed) cancel() {
	s.t.Helper()
	s.await("the long build to run", func() bool {
		b, ok := s.long()
		if ok && b == nil {
			_, _ = briefly(s, func(ctx context.Context, c *client.Client) (view.Build, error) {
				return c.StartBuild(ctx, client.Start{Instance: "long"})
			})
		}
		return b != nil && s.runs()[fmt.Sprintf("%s %d begin", b.ID, b.Attempt)] > 0
	})
	s.await("the long build to end", func() bool {
		b, _ := s.long()
		if b != nil && !b.Ended() {
			_, _ = briefly(s, func(ctx context.Context, c *client.Client) (view.Build, error) {
				return c.CancelBuild(ctx, b.ID, "enough")
			})
		}
		return b != nil && b.Ended()
	})
}

// long is the long build, nil before there is one.
func (s *deathbed) long() (b *view.Build, ok bool) {
	s.t.Helper()
	all, ok := briefly(s, func(ctx context.Context, c *client.Client) ([]view.Build, error) {
		return c.Builds(ctx, "long", "", 100)
	})
	if len(all) > 1 {
		s.t.Fatalf("there are %d long builds", len(all))
	}
	if len(all) == 1 {
		b = &all[0]
	}
	return b, ok
}

// push commits to the shop, of which its forge tells until the master has heard it.
func (s *deathbed) push() {
	s.t.Helper()
	before := s.shop.Git("rev-parse", "main")
	told := asGitHub(s.shop, before, s.shop.Commit("second", map[string]string{"more": "more\n"}))
	s.await("the push to be heard of", func() bool {
		ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Second)
		defer cancel()
		status, _, err := post(ctx, s.h, told)
		return err == nil && status == http.StatusOK
	})
}

func (s *deathbed) connected() bool {
	all, _ := briefly(s, func(ctx context.Context, c *client.Client) ([]view.Agent, error) { return c.Agents(ctx) })
	return len(all) == 1
}

func (s *deathbed) servers() ([]view.AppServer, bool) {
	return briefly(s, func(ctx context.Context, c *client.Client) ([]view.AppServer, error) {
		return c.AppServers(ctx, "", false)
	})
}

// healthy is the only AppServer.
func (s *deathbed) healthy() (id string) {
	s.t.Helper()
	s.await("one AppServer, active", func() bool {
		all, ok := s.servers()
		if ok = ok && len(all) == 1 && all[0].Active && all[0].State == "healthy"; ok {
			id = all[0].ID
		}
		return ok
	})
	return id
}

// terminateAll wants all AppServers ended until they are.
func (s *deathbed) terminateAll() {
	s.t.Helper()
	s.await("the AppServers to go", func() bool {
		all, ok := s.servers()
		for _, a := range all {
			if a.State != "terminating" {
				_, _ = briefly(s, func(ctx context.Context, c *client.Client) (view.AppServer, error) {
					return c.Want(ctx, a.ID, "terminate")
				})
			}
		}
		return ok && len(all) == 0
	})
}

// awaitTold waits until everybody has heard of what has ended.
func (s *deathbed) awaitTold() {
	s.t.Helper()
	s.await("all to be told of the ends of builds", func() bool {
		due, ok := briefly(s, func(ctx context.Context, c *client.Client) ([]view.Notice, error) { return c.Notices(ctx) })
		told := s.told()
		for _, name := range []string{"shop", "lost", "boxed"} {
			all, known := s.list(name)
			for _, b := range all {
				ok = ok && told["build-succeeded "+b.ID] > 0
			}
			ok = ok && known
		}
		if b, _ := s.long(); b != nil {
			ok = ok && told["build-cancelled "+b.ID] > 0
		}
		return ok && len(due) == 0
	})
}

// told is how often the notifier was told of what.
func (s *deathbed) told() map[string]int {
	told := map[string]int{}
	text, err := os.ReadFile(filepath.Join(s.h.Dir, "messages.jsonl"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.t.Error(err)
	}
	for line := range strings.Lines(string(text)) {
		var m struct{ Event, Build string }
		if err := json.Unmarshal([]byte(line), &m); err == nil {
			told[m.Event+" "+m.Build]++
		}
	}
	return told
}

// left are the files that are kept of a build.
func (s *deathbed) left(instance, build string) (files []string) {
	for _, dir := range []string{s.h.Data, filepath.Join(s.h.Dir, "bucket")} {
		for _, kind := range []string{"logs", "artifacts"} {
			_ = filepath.WalkDir(filepath.Join(dir, kind, instance, build), func(path string, d fs.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					files = append(files, path)
				}
				return nil
			})
		}
	}
	return files
}

// held is what providers have, and notes of sandboxes.
func (s *deathbed) held() (all []string) {
	for _, kind := range []string{"plugins/cloud-process/servers/*", "plugins/database-sqlite/ephemeral/*"} {
		all = append(all, below(s.h, "one", kind)...)
	}
	names, _ := os.ReadFile(filepath.Join(s.h.AgentData("one"), "plugins", "dns-hosts", "hosts"))
	if strings.Contains(string(names), "shop.example.test") {
		all = append(all, "shop.example.test")
	}
	return append(all, sandboxes(s.h, "one")...)
}

// output is what the steps of a build print.
func output(instance string) string {
	switch instance {
	case "lost":
		return "found\n"
	case "boxed":
		return "boxed\n"
	}
	var b strings.Builder
	for n := range 5000 {
		fmt.Fprintln(&b, n+1)
	}
	return b.String()
}

// awaitLog waits until the output of a build can be read, every byte once.
func (s *deathbed) awaitLog(instance, build string) {
	s.t.Helper()
	s.await("the whole log of "+build, func() bool {
		got, _ := briefly(s, func(ctx context.Context, c *client.Client) (string, error) {
			out, err := c.Log(ctx, build, client.LogQuery{})
			if err != nil {
				return "", err
			}
			defer out.Close()
			text, err := io.ReadAll(out)
			return string(text), err
		})
		return got == output(instance)
	})
}

// judge wants every build to have ended once and well, and nothing to be left.
func (s *deathbed) judge() {
	s.t.Helper()
	s.awaitTold()
	s.await("nothing to be left", func() bool { return len(s.held()) == 0 })
	runs, told := s.runs(), s.told()
	s.judgeLong(runs, told)
	for _, instance := range []string{"shop", "lost", "boxed"} {
		all, _ := s.list(instance)
		for _, b := range all {
			for what, n := range map[string]int{
				"begun":             runs[fmt.Sprintf("%s %d begin", b.ID, b.Attempt)],
				"ended":             runs[fmt.Sprintf("%s %d end", b.ID, b.Attempt)],
				"told of its end":   told["build-succeeded "+b.ID],
				"told of its begin": told["build-started "+b.ID],
			} {
				if n != 1 {
					s.t.Errorf("%s, attempt %d, was %s %d times", b.ID, b.Attempt, what, n)
				}
			}
			if !b.Expired {
				s.awaitLog(instance, b.ID)
			}
			if instance == "shop" && !b.Expired {
				s.judgeKept(b)
			}
		}
	}
}

// judgeLong wants the long build to have been cancelled, and nothing of it to have
// run twice or to the end.
func (s *deathbed) judgeLong(runs, told map[string]int) {
	s.t.Helper()
	b, _ := s.long()
	if b == nil || b.State != "cancelled" || told["build-cancelled "+b.ID] != 1 {
		s.t.Fatalf("the long build is %+v; of its end was told %v", b, told)
	}
	for n := range b.Attempt {
		if begun, ended := runs[fmt.Sprintf("%s %d begin", b.ID, n+1)], runs[fmt.Sprintf("%s %d end", b.ID, n+1)]; begun > 1 || ended > 0 {
			s.t.Errorf("attempt %d of the long build has begun %d times and ended %d times", n+1, begun, ended)
		}
	}
}

// judgeKept wants what a build has kept to be there.
func (s *deathbed) judgeKept(b view.Build) {
	s.t.Helper()
	kept, _ := briefly(s, func(ctx context.Context, c *client.Client) ([]view.Artifact, error) { return c.Artifacts(ctx, b.ID) })
	if len(kept) != 1 || kept[0].Path != "kept" || b.Tests == nil || b.Tests.Passed != 1 {
		s.t.Errorf("%s keeps %+v and has the tests %+v", b.ID, kept, b.Tests)
	}
}

// runs is how often each attempt has begun and ended.
func (s *deathbed) runs() map[string]int {
	runs := map[string]int{}
	text, err := os.ReadFile(s.ledger)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.t.Error(err)
	}
	for line := range strings.Lines(string(text)) {
		runs[strings.TrimSpace(line)]++
	}
	return runs
}
