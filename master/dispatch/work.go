package dispatch

import (
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/secrets"
	"github.com/wright-build/wright/master/state"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// workOf is everything an agent needs to carry out an attempt.
func workOf(b *state.Build, m *manifests.Manifest) *agentv1.Work {
	w := &agentv1.Work{
		Build: b.ID, Attempt: int32(b.Attempt), Instance: b.Instance, Number: b.Number,
		AutoWatch: m.AutoWatch.On, Reason: b.Reason.Text, Databases: databasesOf(b.Instance, m.Databases),
		Dns: dnsOf(m.DNS), Balancer: balancerOf(m.Balancer), Runner: runnerOf(m.Runner), Artifacts: artifactsOf(m.Artifacts), Timeout: durationpb.New(m.Timeout),
		Properties: b.Properties,
	}
	if m.Source != nil {
		w.Source = &agentv1.Source{
			Vcs: m.Source.VCS, Url: m.Source.URL, Branch: m.Source.Branch, Revision: b.Revisions[m.Source.URL],
			Submodules: m.Source.Submodules, Frozen: b.Revision != "" || m.Source.Revision != "",
		}
	}
	for _, s := range m.Steps {
		w.Steps = append(w.Steps, &agentv1.Step{
			Name: s.Name, Run: s.Run, Timeout: durationpb.New(s.Timeout), Env: s.Env, Dir: s.Dir,
			Shell: s.Shell, When: conditionOf(s.When), Silence: durationpb.New(s.Silence),
		})
	}
	if a := m.AppServer; a != nil {
		w.Appserver = &agentv1.AppServer{
			Id: b.AppServer, Cloud: a.Cloud, Flavor: a.Flavor, Image: a.Image, Provision: a.Provision,
			ProvisionTimeout: durationpb.New(a.ProvisionTimeout), Config: structOf(a.Config),
			Health: &agentv1.Health{Http: a.Health.HTTP, Port: int32(a.Health.Port), Within: durationpb.New(a.Health.Within)},
		}
	}
	return w
}

func conditionOf(c manifests.Condition) agentv1.Condition {
	switch c {
	case manifests.AfterFailure:
		return agentv1.Condition_CONDITION_ON_FAILURE
	case manifests.Always:
		return agentv1.Condition_CONDITION_ALWAYS
	}
	return agentv1.Condition_CONDITION_UNSPECIFIED
}

func artifactsOf(a *manifests.Artifacts) *agentv1.Artifacts {
	if a == nil {
		return nil
	}
	return &agentv1.Artifacts{
		Paths: a.Paths.Only, Exclude: a.Paths.Ignore, Junit: a.JUnit, When: conditionOf(a.When), MaxBytes: int64(a.MaxMiB) << 20,
	}
}

// operationOf is what an agent needs to do an operation.
func operationOf(a *state.AppServer) *agentv1.Operation {
	op := &agentv1.Operation{
		Id: a.Operation.ID, Appserver: a.ID, Instance: a.Instance, Cloud: a.Provider, Address: a.Address,
		Dns: dnsOf(a.DNS), Balancer: balancerOf(a.Balancer),
	}
	switch a.Operation.Doing {
	case state.Activate:
		op.Kind = agentv1.Operation_KIND_ACTIVATE
	case state.Deactivate:
		op.Kind = agentv1.Operation_KIND_DEACTIVATE
	case state.Terminate:
		op.Kind, op.Databases = agentv1.Operation_KIND_TERMINATE, databasesOf(a.Instance, a.Databases)
	}
	return op
}

func dnsOf(d *manifests.DNS) *agentv1.DNS {
	if d == nil {
		return nil
	}
	return &agentv1.DNS{Provider: d.Provider, Domain: d.Domain, Ttl: durationpb.New(d.TTL), Config: structOf(d.Config)}
}

func balancerOf(b *manifests.Balancer) *agentv1.Balancer {
	if b == nil {
		return nil
	}
	return &agentv1.Balancer{Provider: b.Provider, Name: b.Name, Config: structOf(b.Config)}
}

func runnerOf(r *manifests.Runner) *agentv1.Runner {
	if r == nil {
		return nil
	}
	return &agentv1.Runner{Provider: r.Provider, Config: structOf(r.Config)}
}

func databasesOf(instance string, all []manifests.Database) []*agentv1.Database {
	var out []*agentv1.Database
	for _, d := range all {
		out = append(out, &agentv1.Database{
			Provider: d.Provider, Name: d.Name, Persistent: d.Persistent, Config: structOf(d.Config),
			Password: secretPrefix + secrets.DatabasePassword(instance, d.Name),
		})
	}
	return out
}

// structOf carries a provider's table. TOML has times and integers that a
// Struct has not; the times go as text.
func structOf(config map[string]any) *structpb.Struct {
	if len(config) == 0 {
		return nil
	}
	s := &structpb.Struct{Fields: map[string]*structpb.Value{}}
	for k, v := range config {
		s.Fields[k] = valueOf(v)
	}
	return s
}
