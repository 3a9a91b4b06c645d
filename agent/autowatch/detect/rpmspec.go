package detect

import (
	"regexp"
	"strings"
)

// rpmSpecs knows the sources and patches of RPM packages that forges make of
// branches.
func rpmSpecs() Detector {
	return sheetDetector("RPM", named("*.spec"), func(s *sheet) {
		d := &dockerfile{sheet: s, values: map[string]string{}}
		for n, line := range numbered(s.text) {
			parts := specValue.FindStringSubmatch(line)
			if parts == nil {
				continue
			}
			macro, tag, value := parts[1], strings.ToLower(parts[2]), d.expand(specMacro.ReplaceAllString(parts[3], "$${$1}"))
			if len(d.values) < maxValues {
				d.values[macro+tag] = value
			}
			isSource := strings.HasPrefix(tag, "source") || strings.HasPrefix(tag, "patch")
			if m, ok := forgeFile(value); ok && isSource && !isComputed(value) {
				s.note(n, m)
			}
		}
	})
}

var (
	specValue = regexp.MustCompile(`^(?:%(?:global|define)\s+(\w+)|(?i)(name|version|url|source\d*|patch\d*)\s*:)\s+(\S+)`)
	specMacro = regexp.MustCompile(`%\{(\w+)\}`)
)
