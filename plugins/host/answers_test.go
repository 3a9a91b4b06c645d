package host

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/balancer"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/dns"
	"github.com/wright-build/wright/plugins/notifier"
	"github.com/wright-build/wright/plugins/runner"
	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

// answer is what a hostile plugin sends: messages as they go over the wire, and
// how the call ends.
type answer struct {
	messages [][]byte
	end      *status.Status // nil: well
}

// liar serves answers that were left with it, whatever is asked.
type liar struct {
	conn    *grpc.ClientConn
	answers sync.Map // number of a call → answer
	calls   atomic.Uint64
}

const callKey = "call"

func newLiar(t testing.TB) *liar {
	l := &liar{}
	listener := bufconn.Listen(1 << 20)
	s := grpc.NewServer(grpc.UnknownServiceHandler(l.serve), grpc.ForceServerCodecV2(bytesCodec{}),
		grpc.MaxSendMsgSize(1<<30))
	go func() { _ = s.Serve(listener) }()
	t.Cleanup(s.Stop)
	conn, err := grpc.NewClient("passthrough:///liar", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithMaxHeaderListSize(maxHeaders), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(plugins.MaxMessage)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	l.conn = conn
	return l
}

func (l *liar) serve(_ any, stream grpc.ServerStream) error {
	md, _ := metadata.FromIncomingContext(stream.Context())
	found, ok := l.answers.LoadAndDelete(md.Get(callKey)[0])
	if !ok {
		return errors.New("asked twice")
	}
	a := found.(answer)
	for _, m := range a.messages {
		if err := stream.SendMsg(&m); err != nil {
			return err
		}
	}
	if a.end == nil {
		return nil
	}
	return a.end.Err()
}

// bytesCodec sends bytes as they are.
type bytesCodec struct{}

// Marshal implements encoding.CodecV2.
func (bytesCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}

// Unmarshal implements encoding.CodecV2.
func (bytesCodec) Unmarshal(b mem.BufferSlice, v any) error {
	*v.(*[]byte) = b.Materialize()
	return nil
}

// Name implements encoding.CodecV2.
func (bytesCodec) Name() string { return "proto" }

// question is one call of one kind: what a good answer to it looks like, and how
// to ask and hold what comes back against what is valid.
type question struct {
	name string
	good []proto.Message
	ask  func(ctx context.Context, conn grpc.ClientConnInterface) (any, error)
}

func tags() map[string]string { return map[string]string{plugins.InstallationTag: "i", "a": "b"} }

const token = "the-token"

// questions lists every call of every kind.
func questions() map[plugins.Kind][]question {
	type ctx = context.Context
	type conn = grpc.ClientConnInterface
	server, base, box := goodServer(), goodDatabase(), &pluginv1.Sandbox{Token: token, Tags: tags(), CreatedAt: someTime()}
	progress := &pluginv1.Progress{Message: "half", Done: 0.5}
	return map[plugins.Kind][]question{
		plugins.Cloud: {
			{"Create", []proto.Message{&pluginv1.CreateServerResponse{Progress: progress}, &pluginv1.CreateServerResponse{Server: server}},
				func(x ctx, c conn) (any, error) { return cloud.NewClient(c).Create(x, cloud.Spec{Token: token}) }},
			{"Get", []proto.Message{&pluginv1.GetServerResponse{Server: server}},
				func(x ctx, c conn) (any, error) { return cloud.NewClient(c).Get(x, token) }},
			{"List", []proto.Message{&pluginv1.ListServersResponse{Servers: []*pluginv1.Server{server, server}}, &pluginv1.ListServersResponse{Servers: []*pluginv1.Server{server}}},
				func(x ctx, c conn) (any, error) { return cloud.NewClient(c).List(x, tags()) }},
			{"Delete", []proto.Message{&pluginv1.DeleteServerResponse{Progress: progress}, &pluginv1.DeleteServerResponse{}},
				func(x ctx, c conn) (any, error) { return nil, cloud.NewClient(c).Delete(x, token) }},
			{"Console", []proto.Message{&pluginv1.GetConsoleResponse{Output: []byte("booting\n")}},
				func(x ctx, c conn) (any, error) { return cloud.NewClient(c).(cloud.Consoler).Console(x, token) }},
		},
		plugins.DNS: {
			{"Set", []proto.Message{&pluginv1.SetRecordsResponse{}}, func(x ctx, c conn) (any, error) {
				return nil, dns.NewClient(c).Set(x, dns.Spec{Domain: "a.example", Tags: tags()})
			}},
			{"List", []proto.Message{&pluginv1.ListRecordsResponse{Entries: []*pluginv1.Entry{goodEntry()}}, &pluginv1.ListRecordsResponse{}},
				func(x ctx, c conn) (any, error) { return dns.NewClient(c).List(x, tags()) }},
			{"Delete", []proto.Message{&pluginv1.DeleteRecordsResponse{}},
				func(x ctx, c conn) (any, error) { return nil, dns.NewClient(c).Delete(x, "a.example", tags()) }},
		},
		plugins.Database: {
			{"Create", []proto.Message{&pluginv1.CreateDatabaseResponse{Progress: progress}, &pluginv1.CreateDatabaseResponse{Database: base}},
				func(x ctx, c conn) (any, error) {
					return database.NewClient(c).Create(x, database.Spec{Token: token, Name: "n"})
				}},
			{"List", []proto.Message{&pluginv1.ListDatabasesResponse{Databases: []*pluginv1.Database{base, base}}},
				func(x ctx, c conn) (any, error) { return database.NewClient(c).List(x, tags()) }},
			{"Delete", []proto.Message{&pluginv1.DeleteDatabaseResponse{}},
				func(x ctx, c conn) (any, error) { return nil, database.NewClient(c).Delete(x, token) }},
		},
		plugins.Balancer: {
			{"Set", []proto.Message{&pluginv1.SetRouteResponse{}}, func(x ctx, c conn) (any, error) {
				return nil, balancer.NewClient(c).Set(x, balancer.Spec{Name: "a.example", Targets: []balancer.Target{{Address: "::1", Port: 1}}, Tags: tags()})
			}},
			{"List", []proto.Message{&pluginv1.ListRoutesResponse{Routes: []*pluginv1.Route{
				{Name: "a.example", Targets: []*pluginv1.Target{{Address: "10.0.0.1", Port: 80}, {Address: "h", Port: 1}}, Tags: tags()}}}},
				func(x ctx, c conn) (any, error) { return balancer.NewClient(c).List(x, tags()) }},
			{"Delete", []proto.Message{&pluginv1.DeleteRouteResponse{}},
				func(x ctx, c conn) (any, error) { return nil, balancer.NewClient(c).Delete(x, "a.example", tags()) }},
		},
		plugins.Runner: {
			{"Create", []proto.Message{&pluginv1.CreateSandboxResponse{Progress: progress}, &pluginv1.CreateSandboxResponse{Sandbox: box}},
				func(x ctx, c conn) (any, error) {
					return runner.NewClient(c).Create(x, runner.Spec{Token: token, Workspace: "/w"})
				}},
			{"Command", []proto.Message{&pluginv1.GetCommandResponse{Command: &pluginv1.Command{Args: []string{"sh", "-c", "x"}, Env: map[string]string{"A": "b"}, Dir: "/w"}}},
				func(x ctx, c conn) (any, error) {
					return runner.NewClient(c).Command(x, token, runner.Command{Args: []string{"a"}, Dir: "/w"})
				}},
			{"List", []proto.Message{&pluginv1.ListSandboxesResponse{Sandboxes: []*pluginv1.Sandbox{box, box}}},
				func(x ctx, c conn) (any, error) { return runner.NewClient(c).List(x, tags()) }},
			{"Delete", []proto.Message{&pluginv1.DeleteSandboxResponse{}},
				func(x ctx, c conn) (any, error) { return nil, runner.NewClient(c).Delete(x, token) }},
		},
		plugins.Notifier: {
			{"Notify", []proto.Message{&pluginv1.NotifyResponse{}}, func(x ctx, c conn) (any, error) {
				return nil, notifier.NewClient(c).Notify(x, notifier.Message{Token: token, Event: "e", Subject: "s"})
			}},
			{"Receipts", []proto.Message{&pluginv1.ListReceiptsResponse{Receipts: []*pluginv1.Receipt{{Token: token, Tags: tags(), DeliveredAt: someTime()}}}},
				func(x ctx, c conn) (any, error) { return notifier.NewClient(c).Receipts(x, tags()) }},
		},
		"plugin": {
			{"Describe", []proto.Message{goodDescription()}, func(x ctx, c conn) (any, error) {
				who, err := pluginv1.NewPluginServiceClient(c).Describe(x, &pluginv1.DescribeRequest{})
				if err != nil {
					return nil, plugins.FromStatus(err)
				}
				return plugins.Describe(who, 2)
			}},
		},
	}
}

// try asks, gives the answer and says what is wrong with what came of it.
func (l *liar) try(parent context.Context, q question, a answer) (accepted bool, _ error) {
	number := strconv.FormatUint(l.calls.Add(1), 10)
	l.answers.Store(number, a)
	defer l.answers.Delete(number)
	ctx, cancel := context.WithTimeout(parent, 30*time.Second)
	defer cancel()
	var wrong error
	ctx = plugins.WithReporter(ctx, func(p plugins.Progress) {
		if !isLine(p.Message, 1100) || !(p.Done >= 0 && p.Done <= 1) {
			wrong = fmt.Errorf("progress %q %v", p.Message, p.Done)
		}
	})
	got, err := q.ask(metadata.AppendToOutgoingContext(ctx, callKey, number), l.conn)
	switch {
	case ctx.Err() != nil:
		return false, errors.New("it hung")
	case wrong != nil:
		return false, wrong
	case err != nil:
		return false, validError(err)
	}
	return true, valid(got)
}

// TestHostileAnswers: nothing that a plugin can send crashes or hangs its host,
// and what gets through is valid.
func TestHostileAnswers(t *testing.T) {
	total := hostileAnswers
	if testing.Short() {
		total /= 20
	}
	seed := uint64(20261121)
	t.Logf("seed %d", seed)
	all := questions()
	var list []question
	for _, kind := range append(plugins.Kinds(), "plugin") {
		list = append(list, all[kind]...)
	}
	l := newLiar(t)
	accepted := make([]atomic.Int64, len(list))
	start := time.Now()
	var wg sync.WaitGroup
	workers := 4 * runtime.GOMAXPROCS(0)
	for w := range workers {
		wg.Go(func() {
			for n := w; n < total && !t.Failed(); n += workers {
				i := n % len(list)
				a := mutate(rand.New(rand.NewPCG(seed, uint64(n))), list[i].good)
				ok, err := l.try(t.Context(), list[i], a)
				if err != nil {
					t.Errorf("%s, number %d: %v", list[i].name, n, err)
				}
				if ok {
					accepted[i].Add(1)
				}
			}
		})
	}
	wg.Wait()
	for i := range list {
		if n := accepted[i].Load(); n < int64(total/len(list)/100) || n == int64(total/len(list)) {
			t.Errorf("%s: of %d answers %d were accepted: this tests nothing", list[i].name, total/len(list), n)
		}
	}
	t.Logf("%d answers in %v", total, time.Since(start))
}

// TestTooLargeAnswers: of a gigabyte not more than a little is taken.
func TestTooLargeAnswers(t *testing.T) {
	l := newLiar(t)
	big := make([]byte, 300<<20)
	for _, kind := range plugins.Kinds() {
		for _, q := range questions()[kind] {
			if ok, err := l.try(t.Context(), q, answer{messages: [][]byte{big}}); ok || err != nil {
				t.Errorf("%s %s: accepted %v, %v", kind, q.name, ok, err)
			}
		}
	}
}

// fuzzAnswers takes messages with their lengths before them.
func fuzzAnswers(f *testing.F, kind plugins.Kind) {
	list := questions()[kind]
	for i, q := range list {
		var b []byte
		for _, m := range encode(q.good) {
			b = append(append(b, byte(len(m)>>8), byte(len(m))), m...)
		}
		f.Add(uint8(i), uint16(0), []byte{}, b)
	}
	l := newLiar(f)
	f.Fuzz(func(t *testing.T, i uint8, code uint16, detail, b []byte) {
		a := answer{}
		for len(b) >= 2 {
			n := min(int(b[0])<<8|int(b[1]), len(b)-2)
			a.messages, b = append(a.messages, b[2:2+n]), b[2+n:]
		}
		if code > 0 {
			s := status.New(codes.Code(code), string(detail)).Proto()
			s.Details = []*anypb.Any{{TypeUrl: "type.googleapis.com/wright.plugin.v1.ErrorDetail", Value: detail}}
			a.end = status.FromProto(s)
		}
		if _, err := l.try(t.Context(), list[int(i)%len(list)], a); err != nil {
			t.Error(err)
		}
	})
}

func FuzzCloudAnswers(f *testing.F)    { fuzzAnswers(f, plugins.Cloud) }
func FuzzDNSAnswers(f *testing.F)      { fuzzAnswers(f, plugins.DNS) }
func FuzzDatabaseAnswers(f *testing.F) { fuzzAnswers(f, plugins.Database) }
func FuzzBalancerAnswers(f *testing.F) { fuzzAnswers(f, plugins.Balancer) }
func FuzzRunnerAnswers(f *testing.F)   { fuzzAnswers(f, plugins.Runner) }
func FuzzNotifierAnswers(f *testing.F) { fuzzAnswers(f, plugins.Notifier) }
func FuzzDescriptions(f *testing.F)    { fuzzAnswers(f, "plugin") }
