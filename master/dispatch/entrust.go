package dispatch

import (
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/wright-build/wright/master/secrets"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// maxEntrusted bounds the credentials of one message, which an agent takes up to
// 4 MiB of.
const maxEntrusted = 3 << 20

// entrusting is the way to an agent. Credentials and secrets join the work only
// here: no queue and no fact holds them.
type entrusting struct {
	stream      grpc.BidiStreamingServer[agentv1.FromAgent, agentv1.FromMaster]
	credentials Credentials // nil: none
	secrets     Secrets     // nil: none
}

// Send sends m, work with the credentials of its instance, and work and
// operations with the secrets that they name.
func (e entrusting) Send(m *agentv1.FromMaster) error {
	switch {
	case m.GetWork() != nil:
		m = &agentv1.FromMaster{Message: &agentv1.FromMaster_Work{Work: e.work(m.GetWork())}}
	case m.GetOperation() != nil:
		m = &agentv1.FromMaster{Message: &agentv1.FromMaster_Operation{Operation: e.operation(m.GetOperation())}}
	}
	return e.stream.Send(m)
}

func (e entrusting) work(w *agentv1.Work) *agentv1.Work {
	var credentials []*agentv1.Credential
	var secrets []*agentv1.Secret
	if e.credentials != nil {
		credentials = credentialsOf(e.credentials.Of(w.GetInstance()))
	}
	if e.secrets != nil {
		secrets = confide(e.secrets, w.GetInstance(), namedInWork(w))
	}
	if len(credentials)+len(secrets) == 0 {
		return w
	}
	w = proto.CloneOf(w)
	w.Credentials, w.Secrets = credentials, secrets
	return w
}

func (e entrusting) operation(op *agentv1.Operation) *agentv1.Operation {
	if e.secrets == nil {
		return op
	}
	secrets := confide(e.secrets, op.GetInstance(), namedInOperation(op))
	if len(secrets) == 0 {
		return op
	}
	op = proto.CloneOf(op)
	op.Secrets = secrets
	return op
}

// credentialsOf are credentials as an agent takes them.
func credentialsOf(all []secrets.Opener) []*agentv1.Credential {
	var out []*agentv1.Credential
	size := 0
	for _, o := range all {
		c := &agentv1.Credential{
			Url: o.URL, User: o.User, Token: o.Password, Key: o.Key, KnownHosts: o.KnownHosts, Ssh: o.SSH, Problem: o.Problem,
		}
		if size += proto.Size(c); size > maxEntrusted {
			c = &agentv1.Credential{Url: o.URL, Ssh: o.SSH, Problem: "the instance has too many credentials"}
		}
		out = append(out, c)
	}
	return out
}
