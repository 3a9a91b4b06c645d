package plugins

import (
	"context"
	"time"

	"google.golang.org/grpc"
)

// A host stops listening at its caller's deadline, so what the provider says at
// that very moment is heard by nobody: a call ends here a moment before, and its
// error can tell which server kept it waiting.

// lastWord is how long before the host's deadline a call ends that has so long.
func lastWord(left time.Duration) time.Duration { return min(left/10, 250*time.Millisecond) }

// hurried is ctx with its deadline a moment earlier.
func hurried(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline.Add(-lastWord(time.Until(deadline))))
}

// lastWords are the options of a server whose calls are heard.
func lastWords() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
			ctx, cancel := hurried(ctx)
			defer cancel()
			return handle(ctx, request)
		}),
		grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
			ctx, cancel := hurried(stream.Context())
			defer cancel()
			return handle(srv, &hurriedStream{stream, ctx})
		}),
	}
}

// hurriedStream has the context of a call that ends a moment before.
type hurriedStream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // it lives as long as one call
}

// Context implements grpc.ServerStream.
func (s *hurriedStream) Context() context.Context { return s.ctx }
