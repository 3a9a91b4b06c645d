package servers

import (
	"strings"

	"github.com/wright-build/wright/plugins"
)

// Load is how much a server has.
type Load struct {
	Name      string
	Databases int
	Most      int // Server.MaxDatabases
}

func (l Load) full() bool { return l.Most > 0 && l.Databases >= l.Most }

// Choose gives the server for a new database: the named one, or without a name
// the one that has the fewest, and of equals the first.
func Choose(loads []Load, named string) (string, error) {
	best := -1
	var names []string
	for i, l := range loads {
		names = append(names, l.Name)
		if named != "" && l.Name != named {
			continue
		}
		if best < 0 || loads[best].full() && !l.full() || loads[best].full() == l.full() && l.Databases < loads[best].Databases {
			best = i
		}
	}
	switch {
	case best < 0 && named != "":
		return "", plugins.Invalidf("config.server", "there is no server %.60q; there are %s", named, strings.Join(names, ", "))
	case best < 0:
		return "", plugins.Invalidf("settings.servers", "there are none")
	case loads[best].full() && named != "":
		return "", plugins.Errorf(plugins.Quota, "server %s has %d databases, and may have no more", named, loads[best].Databases)
	case loads[best].full():
		return "", plugins.Errorf(plugins.Quota, "every server (%s) has as many databases as it may have", strings.Join(names, ", "))
	}
	return loads[best].Name, nil
}
