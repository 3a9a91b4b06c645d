package host

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/wright-build/wright/plugins"
)

// NewStream calls the process for an answer of several messages, launching it
// when it does not run.
func (p *plugin) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	cancel := context.CancelFunc(func() {})
	if _, ok := ctx.Deadline(); !ok {
		ctx, cancel = context.WithTimeout(ctx, p.limits.call)
	}
	l, err := p.connect(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	s, err := l.conn.NewStream(ctx, desc, method, opts...)
	if err != nil {
		defer cancel()
		return nil, p.explain(ctx, l, err)
	}
	// The stream's own context is no good for it: it ends with the stream.
	return &stream{s, cancel, func(err error) error { return p.explain(ctx, l, err) }}, nil
}

// explain tells a process that ended from one that gives an error.
func (p *plugin) explain(ctx context.Context, l *life, err error) error {
	switch {
	case !broken(err) || ctx.Err() != nil:
		return err
	case !p.lives(ctx, l):
		return plugins.Errorf(plugins.Transient, "plugin %s ended while it was asked: %w", p.key, l.process.cause(err))
	case status.Code(err) == codes.Canceled:
		// Nobody cancelled the call, and nobody must believe so.
		return plugins.Errorf(plugins.Unknown, "plugin %s cancelled a call by itself", p.key)
	}
	return err
}

// stream is an answer on its way. It ends when RecvMsg fails or the caller's
// context does.
type stream struct {
	grpc.ClientStream
	cancel  context.CancelFunc
	explain func(error) error
}

// SendMsg implements grpc.ClientStream.
func (s *stream) SendMsg(m any) error {
	err := s.ClientStream.SendMsg(m)
	if err == nil || errors.Is(err, io.EOF) { // RecvMsg has the reason
		return err
	}
	defer s.cancel()
	return s.explain(err)
}

// RecvMsg implements grpc.ClientStream.
func (s *stream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if err == nil {
		return nil
	}
	defer s.cancel()
	if errors.Is(err, io.EOF) {
		return err
	}
	return s.explain(err)
}
