// Package appserver makes AppServers and what they need through provider
// plugins, and does to them what the master asks for later. Every deed may be
// repeated. It knows providers; it does not know builds, nor why an AppServer
// is made, activated or ended.
package appserver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/balancer"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/dns"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// Providers finds the provider of a name. The plugin host does.
type Providers interface {
	Cloud(ctx context.Context, name string) (cloud.Provider, error)
	DNS(ctx context.Context, name string) (dns.Provider, error)
	Balancer(ctx context.Context, name string) (balancer.Provider, error)
	Database(ctx context.Context, name string) (database.Provider, error)
	Describe(ctx context.Context, kind plugins.Kind, name string) (*plugins.Description, error)
}

// Keeper makes and ends AppServers. Installation is the tag of everything that
// it makes.
type Keeper struct {
	Providers    Providers
	Installation string

	names sync.Map // kind and name -> *sync.Mutex: who looks where a name leads before taking it away
}

func (k *Keeper) tags(instance, build string) map[string]string {
	return map[string]string{
		plugins.InstallationTag: k.Installation, "wright-instance": instance, "wright-build": build,
	}
}

// Databases creates databases for the owner (an AppServer or an attempt) and
// returns the variables that lead to them: WRIGHT_DATABASE_NAME_URL and so on.
func (k *Keeper) Databases(ctx context.Context, owner, instance, build string, wanted []*agentv1.Database) (map[string]string, error) {
	vars := map[string]string{}
	for _, w := range wanted {
		p, err := k.Providers.Database(ctx, w.GetProvider())
		if err != nil {
			return nil, err
		}
		db, err := p.Create(ctx, database.Spec{
			Token: databaseToken(owner, w), Name: w.GetName(), Instance: instance, Persistent: w.GetPersistent(),
			Tags: k.tags(instance, build), Config: table(w.GetConfig()), Password: w.GetPassword(),
		})
		if err != nil {
			return nil, fmt.Errorf("create database %s with %s: %w", w.GetName(), w.GetProvider(), err)
		}
		// gofail: var databaseMade struct{}
		prefix := "WRIGHT_DATABASE_" + strings.ToUpper(w.GetName()) + "_"
		for name, value := range db.Variables {
			vars[prefix+name] = value
		}
		if db.URL != "" {
			vars[prefix+"URL"] = db.URL
		}
	}
	return vars, nil
}

// DropDatabases deletes what Databases created, as much of it as can be;
// persistent ones stay.
func (k *Keeper) DropDatabases(ctx context.Context, owner string, made []*agentv1.Database) error {
	var failed error
	for _, d := range made {
		p, err := k.Providers.Database(ctx, d.GetProvider())
		if err == nil {
			err = p.Delete(ctx, databaseToken(owner, d))
		}
		// gofail: var databaseDropped struct{}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("delete database %s with %s: %w", d.GetName(), d.GetProvider(), err))
		}
	}
	return failed
}

func databaseToken(owner string, d *agentv1.Database) string { return owner + "/" + d.GetName() }

// Spawn makes the AppServer of an attempt.
func (k *Keeper) Spawn(ctx context.Context, w *agentv1.Work, env map[string]string) (*cloud.Server, error) {
	a := w.GetAppserver()
	p, err := k.Providers.Cloud(ctx, a.GetCloud())
	if err != nil {
		return nil, err
	}
	s, err := p.Create(ctx, cloud.Spec{
		Token: a.GetId(), Name: w.GetInstance() + "-" + fmt.Sprint(w.GetNumber()), Flavor: a.GetFlavor(), Image: a.GetImage(),
		Tags: k.tags(w.GetInstance(), w.GetBuild()), Env: env, Config: table(a.GetConfig()),
	})
	if err != nil {
		return nil, fmt.Errorf("spawn AppServer %s with %s: %w", a.GetId(), a.GetCloud(), err)
	}
	// gofail: var serverMade struct{}
	return s, nil
}

// operationTime bounds one try of an operation.
const operationTime = 10 * time.Minute

// Do carries out an operation.
func (k *Keeper) Do(ctx context.Context, op *agentv1.Operation) error {
	ctx, cancel := context.WithTimeout(ctx, operationTime)
	defer cancel()
	op, err := reveal(op)
	if err != nil {
		return err
	}
	if err := k.deputise(ctx, op); err != nil {
		return err
	}
	switch op.GetKind() {
	case agentv1.Operation_KIND_ACTIVATE:
		return k.point(ctx, op)
	case agentv1.Operation_KIND_DEACTIVATE:
		return k.unpoint(ctx, op)
	case agentv1.Operation_KIND_TERMINATE:
		return k.terminate(ctx, op)
	}
	return fmt.Errorf("this agent does not know operation %s; upgrade it", op.GetKind())
}

// terminate ends an AppServer even when its name cannot be taken away; that is
// then tried again.
func (k *Keeper) terminate(ctx context.Context, op *agentv1.Operation) error {
	unnamed := k.unpoint(ctx, op)
	// gofail: var serverUnnamed struct{}
	p, err := k.Providers.Cloud(ctx, op.GetCloud())
	if err == nil {
		err = p.Delete(ctx, op.GetAppserver())
	}
	if err != nil {
		return errors.Join(fmt.Errorf("terminate AppServer %s with %s: %w", op.GetAppserver(), op.GetCloud(), err), unnamed)
	}
	// gofail: var serverDeleted struct{}
	return errors.Join(k.DropDatabases(ctx, op.GetAppserver(), op.GetDatabases()), unnamed)
}

func table(s *structpb.Struct) map[string]any {
	if s == nil {
		return nil
	}
	return s.AsMap()
}
