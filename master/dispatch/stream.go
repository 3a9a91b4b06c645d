package dispatch

import (
	"errors"
	"io"

	"google.golang.org/grpc"

	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/state"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// maxChunk bounds one piece of output.
const maxChunk = 1 << 20

// Logs takes in output and says how much of it is kept.
func (d *Dispatcher) Logs(stream grpc.BidiStreamingServer[agentv1.LogChunk, agentv1.LogAck]) error {
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		ack, err := d.keep(chunk)
		if err != nil {
			return err
		}
		// gofail: var outputUnanswered struct{}
		if err := stream.Send(ack); err != nil {
			return err
		}
	}
}

// keep stores one chunk. Output of an attempt that is not the current one of a
// live build is refused.
func (d *Dispatcher) keep(c *agentv1.LogChunk) (*agentv1.LogAck, error) {
	ack := &agentv1.LogAck{Build: c.GetBuild(), Attempt: c.GetAttempt(), Part: c.GetPart()}
	at, ok := d.wanted(c.GetBuild(), c.GetAttempt(), "")
	if !ok || len(c.GetData()) > maxChunk || c.GetPart() < 0 || c.GetOffset() < 0 {
		ack.Refused = true
		return ack, nil
	}
	size, err := d.Output.Append(at, int(c.GetPart()), c.GetName(), c.GetOffset(), c.GetData(), c.GetEnd())
	switch {
	case errors.Is(err, logs.ErrGap):
		ack.Rewind = true
	case errors.Is(err, logs.ErrFinished), errors.Is(err, logs.ErrEnded): // one bad part must not stop all output
		ack.Ended = true
	case err != nil:
		d.Log.Error("keeping output", "build", c.GetBuild(), "error", err)
		return nil, err
	default:
		ack.Ended = c.GetEnd()
	}
	ack.Size = size
	return ack, nil
}

// current says whether an attempt is the one in the agent's hands; an empty
// agent stands for any.
func (d *Dispatcher) current(build string, number int32, agent string) (at logs.Attempt, ok bool) {
	d.Store.Read(func(f *state.Facts) {
		b := f.Builds[build]
		if b != nil && b.Attempt == int(number) && b.State != state.Queued && (agent == "" || b.Agent == agent) {
			at, ok = logs.Attempt{Instance: b.Instance, Build: b.ID, Attempt: b.Attempt}, true
		}
	})
	return at, ok
}
