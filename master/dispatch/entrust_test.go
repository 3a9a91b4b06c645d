package dispatch

import (
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/wright-build/wright/master/secrets"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// sent is an agent that keeps what it is sent.
type sent struct {
	grpc.BidiStreamingServer[agentv1.FromAgent, agentv1.FromMaster]
	all []*agentv1.FromMaster
}

func (s *sent) Send(m *agentv1.FromMaster) error {
	s.all = append(s.all, m)
	return nil
}

// openers are the credentials of instances.
type openers map[string][]secrets.Opener

func (o openers) Of(instance string) []secrets.Opener { return o[instance] }

// TestEntrusting: each instance's work goes out with its credentials and no
// other's; what waits to be sent never holds them.
func TestEntrusting(t *testing.T) {
	all := openers{
		"shop": {{URL: "https://git.test/shop", Login: secrets.Login{User: "robot", Password: "token"}}, {URL: "https://git.test/x", Problem: "it is gone"}},
		"blog": {{URL: "git@git.test:blog", SSH: true, Login: secrets.Login{Key: []byte("key"), KnownHosts: []byte("hosts")}}},
	}
	for _, c := range []struct {
		instance    string
		credentials Credentials
		want        string
	}{
		{"shop", all, `url:"https://git.test/shop" user:"robot" token:"token" | url:"https://git.test/x" problem:"it is gone"`},
		{"blog", all, `url:"git@git.test:blog" key:"key" known_hosts:"hosts" ssh:true`},
		{"other", all, ""},
		{"shop", nil, ""},
	} {
		agent := &sent{}
		queued := &agentv1.Work{Build: "b-1", Attempt: 1, Instance: c.instance}
		e := entrusting{stream: agent, credentials: c.credentials}
		if err := e.Send(&agentv1.FromMaster{Message: &agentv1.FromMaster_Work{Work: queued}}); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, credential := range agent.all[0].GetWork().GetCredentials() {
			got = append(got, strings.ReplaceAll(credential.String(), "  ", " "))
		}
		if strings.Join(got, " | ") != c.want || agent.all[0].GetWork().GetBuild() != "b-1" {
			t.Errorf("%s: %q", c.instance, got)
		}
		if len(queued.GetCredentials()) != 0 {
			t.Errorf("%s: they are in what was queued", c.instance)
		}
	}
}

// TestTooManyCredentials: an agent takes 4 MiB at once, and is told what it lacks.
func TestTooManyCredentials(t *testing.T) {
	many := make([]secrets.Opener, 100)
	for i := range many {
		many[i] = secrets.Opener{URL: "git@git.test:*", SSH: true, Login: secrets.Login{Key: make([]byte, 64<<10)}}
	}
	agent := &sent{}
	e := entrusting{stream: agent, credentials: openers{"shop": many}}
	if err := e.Send(&agentv1.FromMaster{Message: &agentv1.FromMaster_Work{Work: &agentv1.Work{Instance: "shop"}}}); err != nil {
		t.Fatal(err)
	}
	if size := proto.Size(agent.all[0]); size > 4<<20 {
		t.Errorf("%d bytes", size)
	}
	got := agent.all[0].GetWork().GetCredentials()
	if len(got) != 100 || got[0].GetProblem() != "" || len(got[0].GetKey()) == 0 || got[99].GetProblem() == "" || len(got[99].GetKey()) != 0 {
		t.Errorf("%d credentials", len(got))
	}
}
