package master

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/soheilhy/cmux"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/wright-build/wright/master/api"
	"github.com/wright-build/wright/master/web"
)

// shutdownTime is how long what is under way may take when the master stops.
const shutdownTime = 3 * time.Second

// serve answers agents (gRPC), programs (the API), people (pages) and the
// visitors of AppServers (NAME.localhost) on one port. HTTP/2 in clear is
// gRPC: browsers do not speak it.
func (r *rooms) serve(ctx context.Context, cfg Config, listener net.Listener) error {
	mux := cmux.New(listener)
	mux.SetReadTimeout(10 * time.Second)
	agents := mux.Match(cmux.HTTP2())
	others := mux.Match(cmux.Any())
	grpcServer := r.grpcServer(cfg)
	httpServer := &http.Server{
		Handler: r.faces(cfg, listener.Addr().String()), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, BaseContext: func(net.Listener) context.Context { return ctx },
	}
	var all errgroup.Group
	all.Go(func() error { return closed(grpcServer.Serve(agents)) })
	all.Go(func() error { return closed(httpServer.Serve(others)) })
	all.Go(func() error { return closed(mux.Serve()) })
	all.Go(func() error {
		<-ctx.Done()
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		defer cancel()
		err := httpServer.Shutdown(stop)
		grpcServer.Stop()
		mux.Close()
		if err != nil {
			err = httpServer.Close()
		}
		return err
	})
	return all.Wait()
}

// closed is nil for the errors by which servers say that they were closed.
func closed(err error) error {
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, grpc.ErrServerStopped) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, cmux.ErrServerClosed) || errors.Is(err, cmux.ErrListenerClosed) {
		return nil
	}
	return err
}

// faces sends a request to the AppServer, the API or the pages.
func (r *rooms) faces(cfg Config, listen string) http.Handler {
	programs := api.Config{
		Store: r.store, Logs: r.logs, Builds: builds{r.schedule, r.dispatch}, Instances: instances{r.schedule, r.logs}, AppServers: r.activate,
		Agents: r.dispatch, Polls: polls{r.poll}, Token: cfg.Token, Version: cfg.Version, Listen: listen, Proxy: listen,
		Refused: filepath.Join(cfg.Data, "refused"), Log: cfg.Log,
	}
	apiHandler, pages := api.New(programs), web.New(programs)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch _, visitor := r.proxy.Match(req.Host); {
		case visitor:
			r.proxy.ServeHTTP(w, req)
		case strings.HasPrefix(req.URL.Path, "/api/"):
			apiHandler.ServeHTTP(w, req)
		default:
			pages.ServeHTTP(w, req)
		}
	})
}

// grpcServer answers the agents.
func (r *rooms) grpcServer(cfg Config) *grpc.Server {
	s := grpc.NewServer(
		grpc.MaxRecvMsgSize(8<<20),
		grpc.InitialWindowSize(1<<20), grpc.InitialConnWindowSize(4<<20), grpc.ReadBufferSize(256<<10),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 20 * time.Second, Timeout: 10 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
		grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			if err := admit(ctx, cfg.Token); err != nil {
				return nil, err
			}
			return next(ctx, req)
		}),
		grpc.StreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			if err := admit(stream.Context(), cfg.Token); err != nil {
				return err
			}
			return next(srv, stream)
		}),
	)
	r.dispatch.Register(s)
	return s
}

// admit wants the token of every agent, if there is one.
func admit(ctx context.Context, token string) error {
	if token == "" {
		return nil
	}
	md, _ := metadata.FromIncomingContext(ctx)
	for _, given := range md.Get("authorization") {
		if api.SameToken(token, strings.TrimPrefix(given, "Bearer ")) {
			return nil
		}
	}
	return status.Error(codes.Unauthenticated, "its token is missing or wrong: give it the master's with --token-file")
}
