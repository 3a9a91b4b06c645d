package output

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"google.golang.org/grpc"

	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// chunkSize is how much goes into one message.
const chunkSize = 512 << 10

// line is one stream to the master.
type line struct {
	output *Output
	master Dialer
	stream grpc.BidiStreamingClient[agentv1.LogChunk, agentv1.LogAck]
	acks   chan struct{}
	broken chan error
	sent   map[int32]int64
	ended  map[int32]bool
	buf    []byte
	veiled map[int32]*veiled

	renewals int // of the output, when the stream was opened
}

func (l *line) open(ctx context.Context) error {
	if l.stream != nil {
		return nil
	}
	stream, err := l.master.Logs(ctx)
	if err != nil {
		return err
	}
	l.stream, l.acks, l.broken = stream, make(chan struct{}, 1), make(chan error, 1)
	l.sent, l.ended, l.buf = map[int32]int64{}, map[int32]bool{}, make([]byte, chunkSize)
	l.veiled = map[int32]*veiled{}
	l.renewals = l.output.begin()
	go l.listen()
	return nil
}

// close ends the stream and waits for the listener.
func (l *line) close(cancel context.CancelFunc) {
	if l.stream == nil {
		return
	}
	_ = l.stream.CloseSend()
	cancel()
	for range l.acks { // closed by the listener
	}
}

// listen takes in acknowledgements until the stream ends.
func (l *line) listen() {
	defer close(l.acks)
	for {
		ack, err := l.stream.Recv()
		if err == nil && ack.GetRefused() {
			err = errRefused
		}
		if err == nil && ack.GetRewind() {
			err = fmt.Errorf("the master has %d bytes of part %d", ack.GetSize(), ack.GetPart())
		}
		// gofail: var outputAcknowledged struct{}
		l.output.acknowledge(ack)
		if err != nil {
			l.broken <- err
			return
		}
		select {
		case l.acks <- struct{}{}:
		default:
		}
	}
}

// sendAll sends what there is beyond what was sent.
func (l *line) sendAll(ctx context.Context) error {
	if l.stream != nil && l.output.renewed(l.renewals) {
		return errRenewed
	}
	for _, p := range l.output.open() {
		if err := l.sendPart(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func (l *line) sendPart(ctx context.Context, p part) error {
	f, err := os.Open(p.path)
	if errors.Is(err, os.ErrNotExist) {
		return l.empty(p)
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err == nil && info.Size() == 0 {
		return l.empty(p)
	}
	if err := l.open(ctx); err != nil {
		return err
	}
	if _, known := l.sent[p.number]; !known {
		l.sent[p.number] = p.size
	}
	return l.sendFrom(f, p)
}

// empty settles a part without a byte: there is nothing to tell of it.
func (l *line) empty(p part) error {
	if !p.ended {
		return nil
	}
	l.output.mu.Lock()
	defer l.output.mu.Unlock()
	for _, q := range l.output.parts {
		if q.number == p.number {
			q.done = true
		}
	}
	return nil
}

func (l *line) sendFrom(f *os.File, p part) error {
	for !l.ended[p.number] {
		select {
		case err := <-l.broken:
			return err // nobody listens to the rest
		default:
		}
		l.sent[p.number] = max(l.sent[p.number], l.output.held(p.number))
		n, err := l.read(f, p)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read output %s: %w", p.path, err)
		}
		end := p.ended && errors.Is(err, io.EOF)
		if n == 0 && !end {
			return nil
		}
		chunk := &agentv1.LogChunk{
			Build: l.output.build, Attempt: l.output.attempt, Part: p.number, Name: p.name,
			Offset: l.sent[p.number], Data: l.buf[:n], End: end,
		}
		if err := l.stream.Send(chunk); err != nil {
			return fmt.Errorf("send output: %w", err)
		}
		l.sent[p.number] += int64(n)
		l.ended[p.number] = end
		if errors.Is(err, io.EOF) && !end {
			return nil
		}
	}
	return nil
}

// read reads what comes next of a part, as it may be shown.
func (l *line) read(f *os.File, p part) (int, error) {
	at := l.sent[p.number]
	if l.output.redactor == nil {
		return f.ReadAt(l.buf, at)
	}
	v := l.veiled[p.number]
	if v == nil {
		v = &veiled{redactor: l.output.redactor}
		l.veiled[p.number] = v
	}
	return v.readAt(f, l.buf, at, p.ended)
}

// await waits for the acknowledgements of what was sent, once everything was.
func (l *line) await(ctx context.Context, o *Output) error {
	for {
		if err := l.sendAll(ctx); err != nil || l.stream == nil || len(o.open()) == 0 {
			return err
		}
		select {
		case <-o.news: // an acknowledgement, or all is wanted again
		case err := <-l.broken:
			return err
		case <-l.acks:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
