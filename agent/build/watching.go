package build

import (
	"context"
	"os"
	"time"

	"github.com/wright-build/wright/agent/autowatch"
	"github.com/wright-build/wright/agent/workspace"
	"github.com/wright-build/wright/agent/workspace/gitfile"
	"github.com/wright-build/wright/manifests"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

const (
	// maxWatchFile is how large a watch file the wire takes; the master refuses
	// what is over its own, smaller bound, and shows it.
	maxWatchFile = 1 << 20
	// answerLimit is how long the end of a build waits for remotes to answer.
	answerLimit = 20 * time.Second
	// gitRecord is where git notes what it is told in the steps.
	gitRecord = "git-record"
)

// watching is what an attempt knows of what it depends on. Only the goroutine
// that carries the attempt out uses it, and while asking runs that one alone.
type watching struct {
	answers autowatch.Answers
	noted   map[string]bool    // warnings, each of which is given once
	cancel  context.CancelFunc // ends asking
	asking  chan struct{}      // closed when it has ended; nil while nobody asks
}

// survey is what the files of a build say at one moment.
type survey struct {
	found    *autowatch.Findings // nil: they could not be read
	declared []manifests.Watch
	refused  []byte // what the build declared, if that is bogus
}

// whole says whether the files were all read, as far as they ever are: only then
// does what they do not name go.
func (s *survey) whole() bool { return s.found != nil && !s.found.Hasty }

// reportFetched says what the build depends on before its steps run: first what
// the files tell, then, beside the steps, what it took the remotes to tell.
func (a *Attempt) reportFetched(ctx context.Context) {
	if !a.work.GetAutoWatch() || a.work.GetSource() == nil || ctx.Err() != nil {
		return // without a source there is nothing before the steps
	}
	s := a.survey(ctx)
	a.put(s, nil, false)
	if s.found == nil || len(s.found.Remotes()) == 0 {
		return
	}
	ctx, a.watching.cancel = context.WithCancel(ctx)
	done := make(chan struct{})
	a.watching.asking = done
	go func() {
		defer close(done)
		a.ask(ctx, s)
		if ctx.Err() == nil {
			a.put(s, &a.watching.answers, false)
		}
	}()
}

// reportDone says what the build depends on after its steps. complete says that
// they have passed: what is not listed is not used any more.
func (a *Attempt) reportDone(ctx context.Context, complete bool) {
	if !a.work.GetAutoWatch() || ctx.Err() != nil {
		a.stopAsking()
		return
	}
	limited, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	a.awaitAnswers(limited)
	s := a.survey(ctx)
	a.ask(limited, s)
	a.put(s, &a.watching.answers, complete)
}

// awaitAnswers waits for the asking that began after the fetch, as long as ctx lasts.
func (a *Attempt) awaitAnswers(ctx context.Context) {
	if a.watching.asking == nil {
		return
	}
	select {
	case <-a.watching.asking:
	case <-ctx.Done():
	}
	a.stopAsking()
}

// stopAsking ends the asking, if it goes on.
func (a *Attempt) stopAsking() {
	if a.watching.asking == nil {
		return
	}
	a.watching.cancel()
	<-a.watching.asking
	a.watching.asking = nil
}

func (a *Attempt) ask(ctx context.Context, s survey) {
	if s.found != nil {
		a.watching.answers.Ask(ctx, workspace.Remotes{Access: a.access}, s.found.Remotes())
	}
}

// survey reads the files. Paths of this machine count unless the source comes
// from elsewhere.
func (a *Attempt) survey(ctx context.Context) survey {
	src := a.work.GetSource()
	local := src == nil || manifests.IsLocal(src.GetUrl())
	var s survey
	if s.found = a.find(ctx, local); s.found != nil {
		a.warn(s.found.Warnings...)
	}
	declared, warnings, err := autowatch.ReadDeclared(a.path("watch"), local)
	s.declared = declared
	a.warn(warnings...)
	if err != nil {
		a.warn("the build's own watch file is refused: " + err.Error())
		if text, err := gitfile.Read(a.path("watch")); err == nil {
			s.refused = []byte(a.redactor.Hide(string(text[:min(len(text), maxWatchFile)])))
		}
	}
	return s
}

// find reads the workspace and git's record, where there is anything in them. It
// gives nil where they could not be read.
func (a *Attempt) find(ctx context.Context, local bool) *autowatch.Findings {
	if a.untouched("workspace") && !a.has(gitRecord) {
		return &autowatch.Findings{}
	}
	src := a.work.GetSource()
	found, err := autowatch.Find(ctx, a.path("workspace"), autowatch.Options{
		Local: local, Fetched: src != nil, Pinned: src.GetFrozen(), Record: a.path(gitRecord),
	})
	if err != nil {
		a.warn(err.Error())
	}
	return found
}

func (a *Attempt) has(name string) bool {
	_, err := os.Lstat(a.path(name))
	return err == nil
}

// put hands a report on. If the build declared something bogus that goes as it
// is, for the master to refuse and show.
func (a *Attempt) put(s survey, answers *autowatch.Answers, complete bool) {
	file := s.refused
	if file == nil {
		var found []manifests.Watch
		if s.found != nil {
			var warnings []string
			found, warnings = s.found.Watches(answers)
			a.warn(warnings...)
		}
		file = manifests.FitWatches(autowatch.Merge(found, s.declared))
	}
	complete = complete && s.whole()
	nothing := len(file) == 0 && a.work.GetUnwatched() && !a.reports.begun()
	a.mu.Lock()
	a.record.NoWatches = nothing && complete
	a.mu.Unlock()
	if nothing {
		return // the end of the build says it
	}
	a.reports.put(&agentv1.WatchReport{Build: a.Build(), Attempt: a.Number(), Agent: a.Agent, Complete: complete, File: file})
}

// warn notes warnings, each once in an attempt.
func (a *Attempt) warn(warnings ...string) {
	for _, w := range warnings {
		if a.watching.noted[w] {
			continue
		}
		if a.watching.noted == nil {
			a.watching.noted = map[string]bool{}
		}
		a.watching.noted[w] = true
		a.note("warning: %s", w)
	}
}
