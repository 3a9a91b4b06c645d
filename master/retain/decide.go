package retain

import (
	"time"

	"github.com/wright-build/wright/manifests"
)

// Kept is a build of which something is kept.
type Kept struct {
	Build string
	At    time.Time // when it last wrote; only looked at beyond the last builds that the rule names
	Bytes int64     // only looked at where the rule bounds them
	Held  bool      // it stays, whatever the rule says
}

// Decide says which builds of an instance lose their output and artifacts: those
// that neither the number nor the age of the rule wants, and then, from the newest
// on, those that come after the bound on bytes is reached. all are those of an
// instance, the newest first. What is held stays, and so does the newest.
func Decide(all []Kept, now time.Time, rule manifests.Retention) (gone []string) {
	var bytes int64
	most := int64(rule.MaxMiB) << 20
	for i, k := range all {
		bytes += k.Bytes
		wanted := i < max(rule.Builds, 1) || now.Sub(k.At) < rule.Age
		fits := most == 0 || bytes <= most
		if i == 0 || k.Held || wanted && fits {
			continue
		}
		gone = append(gone, k.Build)
		bytes -= k.Bytes
	}
	return gone
}
