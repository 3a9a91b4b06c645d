package dispatch

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/wright-build/wright/master/secrets"
	"github.com/wright-build/wright/master/store"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// secretPrefix begins a value that names a secret.
const secretPrefix = "secret:"

// confide gives the secrets that an instance's manifest names, each once.
func confide(keeper Secrets, instance string, names map[string]bool) []*agentv1.Secret {
	var all []*agentv1.Secret
	for _, name := range slices.Sorted(maps.Keys(names)) {
		s := &agentv1.Secret{Name: name}
		value, err := keeper.ValueFor(instance, name)
		switch {
		case errors.Is(err, store.ErrNotFound):
			s.Problem = fmt.Sprintf("the manifest names the secret %.80q, and there is none: wright secret set %[1]s --instance %[2]s", name, instance)
		case errors.Is(err, secrets.ErrNotForInstance):
			s.Problem = fmt.Sprintf("the secret %.80q is not for instance %s: wright secret set %[1]s --instance %[2]s", name, instance)
		case err != nil:
			s.Problem = err.Error()
		default:
			s.Value = value
		}
		all = append(all, s)
	}
	return all
}

// namedInWork are the secrets that work names.
func namedInWork(w *agentv1.Work) map[string]bool {
	names := map[string]bool{}
	for _, s := range w.GetSteps() {
		for _, v := range s.GetEnv() {
			addName(names, v)
		}
	}
	addTables(names, w.GetAppserver().GetConfig(), w.GetDns().GetConfig(), w.GetBalancer().GetConfig(), w.GetRunner().GetConfig())
	addDatabases(names, w.GetDatabases())
	return names
}

// namedInOperation are the secrets that an operation names.
func namedInOperation(op *agentv1.Operation) map[string]bool {
	names := map[string]bool{}
	addTables(names, op.GetDns().GetConfig(), op.GetBalancer().GetConfig())
	return names
}

func addDatabases(names map[string]bool, all []*agentv1.Database) {
	for _, d := range all {
		addName(names, d.GetPassword())
		addTables(names, d.GetConfig())
	}
}

func addTables(names map[string]bool, tables ...*structpb.Struct) {
	for _, t := range tables {
		for _, v := range t.GetFields() {
			addValue(names, v)
		}
	}
}

func addValue(names map[string]bool, v *structpb.Value) {
	addName(names, v.GetStringValue())
	addTables(names, v.GetStructValue())
	for _, e := range v.GetListValue().GetValues() {
		addValue(names, e)
	}
}

func addName(names map[string]bool, value string) {
	if name, ok := strings.CutPrefix(value, secretPrefix); ok {
		names[name] = true
	}
}
