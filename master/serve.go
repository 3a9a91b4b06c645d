package master

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/soheilhy/cmux"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/wright-build/wright/master/api"
	"github.com/wright-build/wright/master/hook"
	"github.com/wright-build/wright/master/web"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// shutdownTime is how long what is under way may take when the master stops.
const shutdownTime = 3 * time.Second

// front is what answers on the port, whoever leads.
type front struct {
	house  *house
	away   http.Handler // answers what this master can while another leads
	agents hands

	mu   sync.RWMutex // guards all below
	home http.Handler // of the term; nil: another leads
}

func newFront(h *house) *front {
	f := &front{house: h}
	f.away = newFollower(h)
	f.agents.elsewhere = h.elsewhere
	return f
}

// lead lets a term's rooms answer until follow is called, or ctx ends.
func (f *front) lead(ctx context.Context, r *rooms) {
	home := within(ctx, r.upToDate(r.faces()))
	f.agents.lead(ctx, r.dispatch)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.home = home
}

// within ends what was asked with the term: what would wait for its rooms would
// wait for ever, and who follows a log goes on at the master that leads next.
func within(term context.Context, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancelCause(r.Context())
		defer cancel(nil)
		defer context.AfterFunc(term, func() { cancel(api.ErrTermOver) })()
		h.ServeHTTP(w, r.WithContext(ctx))
	})
}

// follow ends the answers of a term.
func (f *front) follow() {
	f.agents.follow()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.home = nil
}

// ServeHTTP sends a request to the AppServer that it is for, to the term's
// rooms, or to where another master leads.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.RLock()
	answer := f.home
	f.mu.RUnlock()
	if answer == nil {
		answer = f.away
	}
	if _, visitor := f.house.proxy.Match(r.Host); visitor {
		answer = f.house.proxy
	}
	answer.ServeHTTP(w, r)
}

// serve answers agents (gRPC), programs (the API), people (pages) and the
// visitors of AppServers (NAME.localhost) on one port. HTTP/2 in clear is
// gRPC: browsers do not speak it.
func (f *front) serve(ctx context.Context, listener net.Listener) error {
	mux := cmux.New(listener)
	mux.SetReadTimeout(10 * time.Second)
	agents := mux.Match(cmux.HTTP2())
	others := mux.Match(cmux.Any())
	grpcServer := f.grpcServer()
	httpServer := &http.Server{
		Handler: crowded(requestLimit(), f), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
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

// faces sends a request to the API, a hook or the pages. Hooks need no token:
// what comes to them is signed.
func (r *rooms) faces() http.Handler {
	deliveries := hook.New(hook.Config{
		Hooks: r.cfg.Settings.Hooks, Secret: r.secrets.Resolve, Watches: told{polls{r.poll}, r.store, r.repos}, Log: r.cfg.Log,
	})
	programs := r.readings()
	programs.Store, programs.Builds, programs.Queue = r.store, builds{r.schedule, r.dispatch}, r.dispatch
	programs.Instances, programs.AppServers = instances{r.schedule, r.logs, r.artifacts}, r.activate
	programs.Agents, programs.Secrets, programs.Reaper = r.dispatch, r.secrets, reaper{r.reap}
	programs.Polls, programs.Hooks, programs.Schedule = polls{r.poll}, hooks{deliveries}, starts{r.schedule}
	programs.Notices, programs.Manifests = notices{r.notify}, repositories{r.repos}
	apiHandler, pages := api.New(programs), web.New(programs)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch {
		case strings.HasPrefix(req.URL.Path, "/api/"):
			apiHandler.ServeHTTP(w, req)
		case strings.HasPrefix(req.URL.Path, hook.Prefix):
			deliveries.ServeHTTP(w, req)
		default:
			pages.ServeHTTP(w, req)
		}
	})
}

// readings is what the API and the pages have of a master whether it leads or not.
func (h *house) readings() api.Config {
	return api.Config{
		Store: h.store, Logs: h.logs, Artifacts: h.artifacts, Token: h.cfg.Token, Version: h.cfg.Version,
		Listen: h.listen, Proxy: h.listen, Refused: filepath.Join(h.cfg.Data, "refused"), Log: h.cfg.Log,
		Backup: h.backup,
	}
}

// grpcServer answers the agents.
func (f *front) grpcServer() *grpc.Server {
	token := f.house.cfg.Token
	s := grpc.NewServer(
		grpc.MaxRecvMsgSize(8<<20),
		grpc.InitialWindowSize(1<<20), grpc.InitialConnWindowSize(4<<20), grpc.ReadBufferSize(64<<10),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 20 * time.Second, Timeout: 10 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
		grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			if err := admit(ctx, token); err != nil {
				return nil, err
			}
			return next(ctx, req)
		}),
		grpc.StreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			if err := admit(stream.Context(), token); err != nil {
				return err
			}
			return next(srv, stream)
		}),
	)
	agentv1.RegisterAgentsServer(s, &f.agents)
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
