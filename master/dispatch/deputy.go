package dispatch

import (
	"slices"
	"strings"

	"github.com/wright-build/wright/master/state"
)

// executor is the agent that is to do the operation that an AppServer waits for:
// the one that made it or, when that is gone, the first one that has all its
// providers. "" is nobody.
func executor(f *state.Facts, a *state.AppServer) string {
	if f.Agents[a.Agent] != nil {
		return a.Agent
	}
	best := ""
	for name, agent := range f.Agents {
		if (best == "" || name < best) && hasAll(agent.Plugins, providersOf(a)) {
			best = name
		}
	}
	return best
}

// providersOf are the plugins that operations on an AppServer may call, as
// KIND/NAME.
func providersOf(a *state.AppServer) []string {
	all := []string{"cloud/" + a.Provider}
	if a.DNS != nil {
		all = append(all, "dns/"+a.DNS.Provider)
	}
	if a.Balancer != nil {
		all = append(all, "balancer/"+a.Balancer.Provider)
	}
	for _, d := range a.Databases {
		all = append(all, "database/"+d.Provider)
	}
	return all
}

// hasAll says whether an agent's plugins, as "KIND/NAME VERSION", hold all that
// is needed.
func hasAll(plugins, needed []string) bool {
	return !slices.ContainsFunc(needed, func(need string) bool {
		return !slices.ContainsFunc(plugins, func(p string) bool { return p == need || strings.HasPrefix(p, need+" ") })
	})
}

// orphans adds the AppServers that wait for an agent that is gone.
func orphans(f *state.Facts, out map[string]*state.AppServer) {
	for id, a := range f.AppServers {
		if a.Waiting() && f.Agents[a.Agent] == nil {
			out[id] = a
		}
	}
}
