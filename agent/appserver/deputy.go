package appserver

import (
	"context"
	"errors"
	"fmt"

	"github.com/wright-build/wright/plugins"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// ErrElsewhere means that only the agent that made an AppServer can do the
// operation.
var ErrElsewhere = errors.New("only the agent that made the AppServer can do this")

// deputise refuses what this agent is to do for another one and cannot: to the
// provider of a host, what is on the other host does not exist.
func (k *Keeper) deputise(ctx context.Context, op *agentv1.Operation) error {
	if !op.GetDeputy() {
		return nil
	}
	for _, u := range usesOf(op) {
		about, err := k.Providers.Describe(ctx, u.kind, u.name)
		if err != nil {
			return fmt.Errorf("find out whether %s provider %s is one of another host: %w", u.kind, u.name, errors.Join(ErrElsewhere, err))
		}
		if about.Has(plugins.ThisHost) {
			return fmt.Errorf("%s provider %s is one of its host: %w", u.kind, u.name, ErrElsewhere)
		}
	}
	return nil
}

// usesOf lists the providers that an operation calls.
func usesOf(op *agentv1.Operation) []use {
	var all []use
	if op.GetKind() == agentv1.Operation_KIND_TERMINATE {
		all = append(all, use{kind: plugins.Cloud, name: op.GetCloud()})
	}
	if d := op.GetDns(); d != nil {
		all = append(all, use{kind: plugins.DNS, name: d.GetProvider()})
	}
	if b := op.GetBalancer(); b != nil {
		all = append(all, use{kind: plugins.Balancer, name: b.GetProvider()})
	}
	for _, d := range op.GetDatabases() {
		all = append(all, use{kind: plugins.Database, name: d.GetProvider()})
	}
	return all
}
