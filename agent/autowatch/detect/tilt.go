package detect

import "regexp"

// tiltfiles knows what a Tiltfile checks out, and the repositories that its
// extensions come from.
func tiltfiles() Detector {
	return sheetDetector("Tilt", named("Tiltfile", "*.Tiltfile"), func(s *sheet) {
		for n, line := range numbered(s.text) {
			for _, parts := range append(tiltCheckout.FindAllStringSubmatch(line, -1), tiltRepo.FindAllStringSubmatch(line, -1)...) {
				s.note(n, choice{commit: parts[2], branchFirst: true}.mention(parts[1]))
			}
		}
	})
}

var (
	tiltCheckout = regexp.MustCompile(`^[^#]*?\bgit_(?:checkout|resource)\((?:[^,()'"]*['"][^'"]*['"], *)?['"]((?:https?://|git@)[^'"#]+)#?([^'"]*)['"]`)
	tiltRepo     = regexp.MustCompile(`^[^#]*?\bextension_repo\([^#]*?\burl *= *['"](https?://[^'"]+)['"](?:[^#]*?\bref *= *['"]([^'"]+)['"])?`)
)
