package appserver

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/wright-build/wright/plugins"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// use is one provider that a build will call.
type use struct {
	kind   plugins.Kind
	name   string
	path   string // of its table in the manifest
	config *structpb.Struct
}

// uses lists the providers of a build in the order of its manifest.
func uses(w *agentv1.Work) []use {
	var all []use
	if r := w.GetRunner(); r != nil {
		all = append(all, use{plugins.Runner, r.GetProvider(), "runner.", r.GetConfig()})
	}
	if a := w.GetAppserver(); a != nil {
		all = append(all, use{plugins.Cloud, a.GetCloud(), "appserver.", a.GetConfig()})
	}
	if d := w.GetDns(); d != nil {
		all = append(all, use{plugins.DNS, d.GetProvider(), "dns.", d.GetConfig()})
	}
	if b := w.GetBalancer(); b != nil {
		all = append(all, use{plugins.Balancer, b.GetProvider(), "balancer.", b.GetConfig()})
	}
	for i, d := range w.GetDatabases() {
		all = append(all, use{plugins.Database, d.GetProvider(), fmt.Sprintf("database[%d].", i+1), d.GetConfig()})
	}
	return all
}

// maxProblems is how many of them are told.
const maxProblems = 10

// Check holds the tables of a build against what its providers take, so that it
// ends before its first step and not after its last. What a provider that
// cannot be asked takes is unknown: that is a warning.
func (k *Keeper) Check(ctx context.Context, w *agentv1.Work) (warnings []string, err error) {
	var problems []string
	for _, u := range uses(w) {
		about, err := k.Providers.Describe(ctx, u.kind, u.name)
		switch {
		case plugins.CodeOf(err) == plugins.NotFound:
			problems = append(problems, err.Error())
			continue
		case err != nil:
			warnings = append(warnings, fmt.Sprintf("%s provider %s does not say which settings it takes: %v", u.kind, u.name, err))
			continue
		}
		_, wrong := about.Config.Check(u.path+u.name, table(u.config))
		for _, e := range wrong {
			problems = append(problems, e.Error())
		}
	}
	if more := len(problems) - maxProblems; more > 0 {
		problems = append(problems[:maxProblems], fmt.Sprintf("and %d more", more))
	}
	if len(problems) > 0 {
		err = errors.New("the manifest does not fit its providers: " + strings.Join(problems, "; "))
	}
	return warnings, err
}
