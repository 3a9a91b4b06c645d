package dispatch

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/wright-build/wright/master/artifacts"
	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/state"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// TestsName is what the tests of a build are attached as to its output.
const TestsName = "tests.json"

// maxCases bounds the tests that are kept by name.
const maxCases = 1000

// KeepArtifact takes in one file. One of an attempt that is not the current one
// of a live build is refused.
func (d *Dispatcher) KeepArtifact(stream grpc.ClientStreamingServer[agentv1.ArtifactChunk, agentv1.ArtifactVerdict]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	at, ok := d.current(first.GetBuild(), first.GetAttempt(), "")
	switch {
	case d.Artifacts == nil:
		return status.Error(codes.Unimplemented, "this master keeps no artifacts")
	case !ok:
		return refuseArtifact(stream, "the build is over, or begun anew")
	case first.GetSize() > d.mostOf(at):
		return refuseArtifact(stream, "it is larger than the manifest allows")
	}
	f := artifacts.File{
		Path: first.GetPath(), Size: first.GetSize(), SHA256: hex.EncodeToString(first.GetSha256()), Executable: first.GetExecutable(),
	}
	place := artifacts.Attempt{Instance: at.Instance, Build: at.Build, Attempt: at.Attempt}
	switch err := d.Artifacts.Keep(place, f, &chunks{stream: stream, rest: first.GetData()}); {
	case errors.Is(err, artifacts.ErrRefused):
		return refuseArtifact(stream, bounded(err.Error(), 500))
	case err != nil:
		d.Log.Error("keeping an artifact", "build", at.Build, "error", err)
		return status.Error(codes.Unavailable, "the master cannot keep it now")
	}
	// gofail: var artifactUnanswered struct{}
	return stream.SendAndClose(&agentv1.ArtifactVerdict{})
}

func refuseArtifact(stream grpc.ClientStreamingServer[agentv1.ArtifactChunk, agentv1.ArtifactVerdict], why string) error {
	return stream.SendAndClose(&agentv1.ArtifactVerdict{Refused: true, Reason: why})
}

// mostOf is how large one artifact of a build may be.
func (d *Dispatcher) mostOf(at logs.Attempt) (most int64) {
	d.Store.Read(func(f *state.Facts) {
		if in := f.Manifests[at.Instance]; in != nil && in.Manifest.Artifacts != nil {
			most = int64(in.Manifest.Artifacts.MaxMiB) << 20
		}
	})
	return most
}

// chunks reads the text of an artifact.
type chunks struct {
	stream grpc.ClientStreamingServer[agentv1.ArtifactChunk, agentv1.ArtifactVerdict]
	rest   []byte
}

func (c *chunks) Read(p []byte) (int, error) {
	for len(c.rest) == 0 {
		chunk, err := c.stream.Recv()
		if errors.Is(err, io.EOF) {
			return 0, io.EOF
		}
		if err != nil {
			return 0, fmt.Errorf("receive: %w", err)
		}
		c.rest = chunk.GetData()
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// Test is one that did not pass, as it is kept.
type Test struct {
	Suite   string  `json:"suite"`
	Name    string  `json:"name"`
	Outcome string  `json:"outcome"` // failed, errored, skipped
	Message string  `json:"message,omitempty"`
	Seconds float64 `json:"seconds"`
}

// ReportTests keeps the tests by name beside the build's output, and their
// number with the build.
func (d *Dispatcher) ReportTests(ctx context.Context, r *agentv1.TestReport) (*agentv1.TestVerdict, error) {
	at, ok := d.current(r.GetBuild(), r.GetAttempt(), "")
	if !ok {
		return &agentv1.TestVerdict{}, nil // nobody wants to know any more
	}
	text, err := json.Marshal(testsOf(r))
	if err == nil {
		err = d.Output.Attach(at.Instance, at.Build, TestsName, text)
	}
	if err != nil {
		d.Log.Error("keeping a test report", "build", at.Build, "error", err)
		return nil, status.Error(codes.Unavailable, "the master cannot keep it now")
	}
	// gofail: var testsAttached struct{}
	count := state.Tests{Passed: r.GetPassed(), Failed: r.GetFailed(), Errored: r.GetErrored(), Skipped: r.GetSkipped()}
	err = d.insist(ctx, func() (state.Write, error) {
		var next state.Build
		d.Store.Read(func(f *state.Facts) {
			if b := f.Builds[at.Build]; b != nil && b.Attempt == at.Attempt {
				next = *b
			}
		})
		if next.ID == "" {
			return state.Write{}, state.ErrFinal
		}
		next.Tests = &count
		return next.Put(), nil
	})
	if err != nil && !errors.Is(err, state.ErrFinal) {
		return nil, status.Error(codes.Unavailable, err.Error())
	}
	// gofail: var testsCounted struct{}
	return &agentv1.TestVerdict{}, nil
}

func testsOf(r *agentv1.TestReport) []Test {
	all := []Test{}
	for _, c := range r.GetCases()[:min(len(r.GetCases()), maxCases)] {
		all = append(all, Test{
			Suite: bounded(c.GetSuite(), 1000), Name: bounded(c.GetName(), 1000), Outcome: bounded(c.GetOutcome(), 20),
			Message: bounded(c.GetMessage(), 1100), Seconds: c.GetTook().AsDuration().Seconds(),
		})
	}
	return all
}
