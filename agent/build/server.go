package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/wright-build/wright/agent/appserver"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// asCancelled says whether the build was cancelled, and why.
func asCancelled(ctx context.Context, c **cancelled) bool {
	return errors.As(context.Cause(ctx), c)
}

// owner is who databases without an AppServer belong to.
func (a *Attempt) owner() string { return fmt.Sprintf("%s.%d", a.Build(), a.Number()) }

// check holds what the manifest says to providers against what they take, once,
// before anything runs.
func (a *Attempt) check(ctx context.Context) error {
	w := a.work
	if w.GetRunner() == nil && w.GetAppserver() == nil && len(w.GetDatabases()) == 0 {
		return nil
	}
	if p := a.record.Phase; p != "" && p != "fetch" {
		return nil // a former agent process has done it
	}
	k, err := a.Keeper(ctx)
	if err != nil {
		return err
	}
	warnings, err := k.Check(ctx, w)
	for _, w := range warnings {
		a.note("warning: %s", w)
	}
	return err
}

func (a *Attempt) databases(ctx context.Context, owner string) (map[string]string, error) {
	err := a.say(func(r *record) { r.Phase, r.Deploying = "databases", a.work.GetAppserver() != nil })
	if err != nil {
		return nil, err
	}
	k, err := a.Keeper(ctx)
	if err != nil {
		return nil, err
	}
	return k.Databases(a.reporting(ctx, "databases"), owner, a.work.GetInstance(), a.Build(), a.work.GetDatabases())
}

// dropTime bounds the clearing up after a build that may have been cancelled.
const dropTime = time.Minute

// dropDatabases drops the databases of a build without an AppServer. When the
// agent stops the next one does it.
func (a *Attempt) dropDatabases(ctx context.Context) {
	var c *cancelled
	if ctx.Err() != nil && !asCancelled(ctx, &c) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTime)
	defer cancel()
	k, err := a.Keeper(ctx)
	if err == nil {
		err = k.DropDatabases(ctx, a.owner(), a.work.GetDatabases())
	}
	if err != nil {
		a.Log.Error("dropping the build's databases", "error", err)
		a.note("warning: %v", err)
	}
}

// appserver spawns, provisions, waits for health, and then for the master's
// word on activation.
func (a *Attempt) appserver(ctx context.Context, env map[string]string) error {
	wanted := a.work.GetAppserver()
	vars, err := a.databases(ctx, wanted.GetId())
	if err != nil {
		return err
	}
	if err := a.phase("spawn"); err != nil {
		return err
	}
	k, err := a.Keeper(ctx)
	if err != nil {
		return err
	}
	s, err := k.Spawn(a.reporting(ctx, wanted.GetCloud()), a.work, vars)
	if err != nil {
		a.showConsole(ctx, k)
		return err
	}
	port := s.Port
	if p := int(wanted.GetHealth().GetPort()); p != 0 {
		port = p
	}
	a.note("AppServer %s is up at %s", wanted.GetId(), s.Address)
	// gofail: var serverUnwritten struct{}
	if err := a.say(func(r *record) { r.Server = &server{Host: s.Address, Port: port} }); err != nil {
		return err
	}
	maps.Copy(env, vars)
	maps.Copy(env, s.Variables)
	if err := a.provision(ctx, env, s.Address, port); err != nil {
		return err
	}
	if err := a.phase("health"); err != nil {
		return err
	}
	if err := appserver.Healthy(ctx, net.JoinHostPort(s.Address, strconv.Itoa(port)), wanted.GetHealth(), a.notes); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		a.showConsole(ctx, k)
		return failed("%v", err)
	}
	// gofail: var serverHealthy struct{}
	return a.activate(ctx)
}

// consoleTime bounds the question what an AppServer that failed has written.
const consoleTime = 10 * time.Second

// maxConsole is how much of it is shown, in bytes.
const maxConsole = 16 << 10

// showConsole notes what an AppServer has written that does not come up.
func (a *Attempt) showConsole(ctx context.Context, k *appserver.Keeper) {
	if ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, consoleTime)
	defer cancel()
	text, err := k.Console(ctx, a.work)
	if err != nil {
		a.Log.Warn("no console", "error", err)
	}
	if text = bytes.TrimSpace(text); len(text) == 0 {
		return
	}
	a.note("the last output of AppServer %s:", a.work.GetAppserver().GetId())
	for line := range bytes.Lines(text[max(0, len(text)-maxConsole):]) {
		a.note("| %s", printable(string(bytes.TrimRight(line, "\r\n"))))
	}
}

// provision is the name of the command that provisions.
const provision = "provision"

// provision runs the manifest's command against the new AppServer.
func (a *Attempt) provision(ctx context.Context, env map[string]string, host string, port int) error {
	wanted := a.work.GetAppserver()
	if wanted.GetProvision() == "" {
		return nil
	}
	inventory := a.path("inventory")
	line := fmt.Sprintf("[appserver]\n%s\n", host)
	if err := os.WriteFile(inventory, []byte(line), 0o600); err != nil {
		return err
	}
	maps.Copy(env, map[string]string{
		"WRIGHT_INVENTORY": inventory, "WRIGHT_APPSERVER": wanted.GetId(), "WRIGHT_APPSERVER_ADDRESS": host,
		"WRIGHT_APPSERVER_PORT": strconv.Itoa(port),
	})
	return a.run(ctx, command{
		part: len(a.work.GetSteps()) + 1, name: provision, run: wanted.GetProvision(),
		timeout: wanted.GetProvisionTimeout().AsDuration(), env: env,
	})
}

// activate says that the AppServer is healthy and waits until the master has
// decided what becomes of it.
func (a *Attempt) activate(ctx context.Context) error {
	err := a.say(func(r *record) {
		r.Phase = "activate"
		healthy := *r.Server
		healthy.Healthy = true
		r.Server = &healthy
	})
	if err != nil {
		return err
	}
	select {
	case s := <-a.settled:
		// gofail: var serverSettled struct{}
		switch s.GetOutcome() {
		case agentv1.Outcome_OUTCOME_FAILED:
			return failed("the AppServer could not be activated: %s", s.GetError())
		case agentv1.Outcome_OUTCOME_OVERTAKEN:
			a.note("a newer build is active already")
		case agentv1.Outcome_OUTCOME_STANDBY:
			a.note("the AppServer waits to be activated by hand")
		default:
			a.note("the AppServer is active")
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
