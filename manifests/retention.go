package manifests

import "time"

// Retention says how long output and artifacts of finished builds are kept: as
// long as Builds or Age wants them, whichever keeps more.
type Retention struct {
	Builds int           // so many last builds keep them
	Age    time.Duration // and all that ended within this time
	MaxMiB int           `json:",omitempty"` // of all of them together; beyond it the oldest lose them; 0: no bound
}

// DefaultRetention holds where nobody says anything.
func DefaultRetention() Retention { return Retention{Builds: 100, Age: 30 * day} }

const maxRetention = 100 * 366 * day

func retentionKeys(of string) []KeyDoc {
	return []KeyDoc{
		{"retention", "table", "", "how long output and artifacts of finished builds are kept" + of + ": as long as builds or age wants it, whichever keeps more"},
		{"retention.builds", "integer, 1 to 1000000", "100", "so many last builds keep them"},
		{"retention.age", "duration, 0 to 878400h", `"720h"`, `and all that ended within this time; "0s": only builds counts`},
		{"retention.max-mib", "integer, 1 to 1073741824", "no bound", "how large all of an instance may be together; beyond it the oldest go, but never the last build's"},
	}
}

func (t table) retention() *Retention {
	t.closed("")
	d := DefaultRetention()
	return &Retention{
		Builds: t.integer("builds", d.Builds, 1, 1_000_000), Age: t.duration("age", d.Age, 0, maxRetention),
		MaxMiB: t.integer("max-mib", 0, 1, 1<<30),
	}
}
