package suite

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// cloudCompany has two callers create the server of one token at the same time;
// one of them gives up, which is nothing to the other.
func cloudCompany(b *cloudBench) {
	_, p := b.start()
	took, tries := b.took(p), interruptions
	if took > 2*time.Second {
		tries = 3
	}
	moments := points(tries, took)
	for i, delay := range moments {
		s := b.spec(fmt.Sprintf("company-%d", i))
		ctx, giveUp := context.WithCancel(b.call())
		gave := make(chan struct{})
		go func() {
			defer close(gave)
			_, _ = p.Create(ctx, s)
		}()
		timer := time.AfterFunc(delay, giveUp)
		b.sleep(delay / 2) // so that the one that gives up is the first
		made, err := p.Create(b.call(), s)
		timer.Stop()
		giveUp()
		<-gave
		if b.seen(err) != nil {
			b.Report(Finding{Did: fmt.Sprintf("Create token %q twice at the same time, one of them cancelled after %v", s.Token, delay.Round(10*time.Microsecond)), Got: "the other came back with " + answer(nil, err)})
			return
		}
		if found := b.own(p)[s.Token]; !same(found, *made) {
			b.Report(Finding{Did: fmt.Sprintf("Create token %q twice at the same time, one of them cancelled after %v, then List", s.Token, delay.Round(10*time.Microsecond)), Got: fmt.Sprintf("Create gave: %s\nlisted is:   %s", about(*made), about(found))})
		}
		b.delete(p, s.Token)
	}
}

// cloudDiscreet looks for the environment of a server where others can see it: in
// readable files and in the arguments of processes.
func cloudDiscreet(b *cloudBench) {
	_, p := b.start()
	b.noArguments(b.envSecret(), func(i int) { b.create(p, b.spec(fmt.Sprintf("discreet-%d", i))) })
	b.readable("Create", append([]string{b.envSecret()}, b.hide.secrets...))
}

// noArguments wants a secret in the arguments of no process while something is made a
// few times. What the suite runs itself must not have it there either.
func (t *T) noArguments(secret string, create func(i int)) {
	stop, done := make(chan struct{}), make(chan struct{})
	var seen string // read after done is closed
	go func() {
		defer close(done)
		seen = argumentsWith(secret, stop)
	}()
	func() {
		defer func() { close(stop); <-done }() // a create that fails ends the check
		for i, start := 0, time.Now(); i == 0 || i < 5 && time.Since(start) < 5*time.Second; i++ {
			create(i)
		}
	}()
	if seen != "" {
		t.Report(Finding{
			Did: "Create, and look at the arguments of processes meanwhile (/proc/PID/cmdline), as anybody on the host can", Got: strings.ReplaceAll(seen, secret, hidden),
			Mend: "hand secrets on in the environment, through a pipe or in a file of mode 0600, never as arguments",
		})
	}
}

// argumentsWith looks at the arguments of all processes for a secret, until told to
// stop.
func argumentsWith(secret string, stop chan struct{}) string {
	for {
		entries, _ := os.ReadDir("/proc")
		for _, e := range entries {
			pid, err := strconv.Atoi(e.Name())
			if err != nil {
				continue
			}
			if text := commandOf(pid); strings.Contains(text, secret) {
				return short(text)
			}
		}
		select {
		case <-stop:
			return ""
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// readable fails the check if others than the provider can read a secret in files
// below the state directory.
func (t *T) readable(did string, secrets []string) {
	_ = filepath.WalkDir(t.state(), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil
		}
		info, err := e.Info()
		if err != nil || info.Mode().Perm()&0o077 == 0 || info.Size() > 1<<20 {
			return nil
		}
		text, _ := os.ReadFile(path)
		for _, s := range secrets {
			if strings.Contains(string(text), s) {
				t.Report(Finding{Did: did + ", then look at the files below the state directory", Got: fmt.Sprintf("others can read the secret in %s (%v)", filepath.Base(path), info.Mode().Perm()), Mend: "make files with secrets with the mode 0600"})
			}
		}
		return nil
	})
}
