package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/wright-build/wright/agent/artifacts"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// maxReportText bounds how many bytes of test cases are told, for the wire's sake.
const maxReportText = 512 << 10

// keep hands the master what of the workspace outlives the build, and what the
// test reports say. steps is the verdict on the steps. It waits for the master
// as long as it takes.
func (a *Attempt) keep(ctx, outer context.Context, steps error) error {
	w := a.work.GetArtifacts()
	var c *cancelled
	ended := asCancelled(ctx, &c)
	if w == nil || a.record.Kept || ctx.Err() != nil && !ended {
		return nil
	}
	if ended {
		if !due(w.GetWhen(), true, true) {
			return nil
		}
		after, cancel := a.afterwards(outer)
		defer cancel()
		ctx = after
	}
	if err := a.phase("artifacts"); err != nil {
		return err
	}
	root, err := os.OpenRoot(a.path("workspace"))
	if err != nil {
		return fmt.Errorf("keep artifacts: %w", err)
	}
	defer root.Close()
	err = errors.Join(a.keepTests(ctx, root), a.keepFiles(ctx, root, due(w.GetWhen(), steps != nil, ended)))
	if err != nil {
		return err
	}
	// gofail: var artifactsUnwritten struct{}
	return a.say(func(r *record) { r.Kept = true })
}

func (a *Attempt) keepFiles(ctx context.Context, root *os.Root, wanted bool) error {
	w := a.work.GetArtifacts()
	if !wanted {
		return nil
	}
	all, err := artifacts.Find(ctx, root, w.GetPaths(), w.GetExclude(), w.GetMaxBytes())
	if err != nil {
		return failed("artifacts: %v", err)
	}
	if len(all) == 0 && len(w.GetPaths()) > 0 {
		a.note("warning: no file matches the artifacts' paths")
	}
	var size int64
	for _, f := range all {
		if err := a.upload(ctx, root, f); err != nil {
			return err
		}
		// gofail: var artifactAcknowledged struct{}
		size += f.Size
	}
	if len(all) > 0 {
		a.note("kept %d artifacts, %d bytes", len(all), size)
	}
	return nil
}

// upload says one file until the master has it or refuses it.
func (a *Attempt) upload(ctx context.Context, root *os.Root, f artifacts.File) error {
	return a.insist(ctx, func() error {
		file, sum, err := artifacts.Sum(root, f)
		if err != nil {
			return failed("artifact %s: %v", f.Path, err)
		}
		defer file.Close()
		stream, err := a.Master.Client().KeepArtifact(ctx)
		if err != nil {
			return err
		}
		first := &agentv1.ArtifactChunk{
			Build: a.Build(), Attempt: a.Number(), Path: f.Path, Size: f.Size, Sha256: sum[:], Executable: f.Executable,
		}
		if err := sendFile(stream, first, file); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		// gofail: var artifactSent struct{}
		verdict, err := stream.CloseAndRecv()
		if err == nil && verdict.GetRefused() {
			return failed("artifact %s: %s", f.Path, verdict.GetReason())
		}
		return err
	})
}

// sendFile sends a file in pieces; io.EOF means that the master has answered.
func sendFile(stream interface {
	Send(*agentv1.ArtifactChunk) error
}, chunk *agentv1.ArtifactChunk, file io.Reader) error {
	buf := make([]byte, 256<<10)
	for {
		n, err := io.ReadFull(file, buf)
		if chunk.Data = buf[:n]; n > 0 || chunk.Path != "" {
			if err := stream.Send(chunk); err != nil {
				return err
			}
		}
		chunk = &agentv1.ArtifactChunk{}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return failed("read an artifact: %v", err)
		}
	}
}

func (a *Attempt) keepTests(ctx context.Context, root *os.Root) error {
	w := a.work.GetArtifacts()
	if len(w.GetJunit()) == 0 {
		return nil
	}
	files, err := artifacts.Find(ctx, root, w.GetJunit(), nil, w.GetMaxBytes())
	if err != nil {
		return failed("test reports: %v", err)
	}
	tests := artifacts.ReadTests(root, files)
	for _, text := range tests.Warnings {
		a.note("warning: %s", text)
	}
	if !tests.Any() {
		a.note("warning: there is no test in the test reports")
		return nil
	}
	r := a.reportOf(tests)
	return a.insist(ctx, func() error {
		_, err := a.Master.Client().ReportTests(ctx, r)
		return err
	})
}

func (a *Attempt) reportOf(t artifacts.Tests) *agentv1.TestReport {
	r := &agentv1.TestReport{
		Build: a.Build(), Attempt: a.Number(), Passed: t.Passed, Failed: t.Failed, Errored: t.Errored, Skipped: t.Skipped, Took: durationpb.New(t.Took),
	}
	size := 0
	for _, c := range t.Cases {
		message := a.redactor.Hide(c.Message)
		if size += len(c.Suite) + len(c.Name) + len(message); size > maxReportText {
			break
		}
		r.Cases = append(r.Cases, &agentv1.TestCase{
			Suite: c.Suite, Name: c.Name, Outcome: c.Outcome, Message: message, Took: durationpb.New(c.Took),
		})
	}
	return r
}

// insist does something until it succeeds, or has failed for good.
func (a *Attempt) insist(ctx context.Context, do func() error) error {
	wait := 50 * time.Millisecond
	for {
		err := do()
		var f *failure
		switch {
		case err == nil || errors.As(err, &f):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case status.Code(err) == codes.Unimplemented:
			a.note("warning: the master is older than this agent and keeps no artifacts")
			return nil
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
		wait = min(2*wait, 5*time.Second)
	}
}

// countWarnings counts those in the output of a command that has ended.
func (a *Attempt) countWarnings(part int, output string) {
	if info, err := os.Stat(output); err != nil || info.Size() == 0 {
		return // it printed nothing
	}
	f, err := os.Open(output)
	if err != nil {
		return
	}
	defer f.Close()
	n, err := artifacts.Warnings(f)
	if err != nil {
		a.Log.Warn("counting warnings", "error", err)
	}
	if n == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.record.Warnings == nil {
		a.record.Warnings = map[int]int64{}
	}
	a.record.Warnings[part] = n
}
