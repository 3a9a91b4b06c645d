package detect

import (
	"regexp"
	"strings"
)

// earthfiles knows what an Earthfile clones, also in its commands, and the targets
// of other repositories that it builds from.
func earthfiles() Detector {
	return sheetDetector("Earthly", named("Earthfile"), func(s *sheet) {
		for n, line := range numbered(s.text) {
			line = strings.TrimSpace(line)
			if parts := earthClone.FindStringSubmatch(line); parts != nil {
				s.note(n, Mention{URL: parts[2], Name: parts[1]})
			} else if parts := earthTarget.FindStringSubmatch(line); parts != nil {
				s.note(n, Mention{URL: "https://" + parts[1], Name: parts[2]})
			}
		}
		d := &dockerfile{sheet: s, values: map[string]string{}, calls: newScriptCalls(s, ".")}
		for line, words := range instructions(s.text) {
			switch words[0].text {
			case "RUN", "ARG", "ENV", "WORKDIR":
				d.instruction(line, words)
			}
		}
		d.noteClones()
	})
}

var (
	earthClone  = regexp.MustCompile(`^GIT CLONE\s+(?:--branch[= ](\S+)\s+)?(?:--\S+\s+)*([\w+]+://\S+|[\w.-]+@\S+)`)
	earthTarget = regexp.MustCompile(`^(?:FROM|BUILD|IMPORT|DO|COPY)\s+(?:--?\S+\s+)*\(?((?:github|gitlab)\.com/[\w.-]+/[\w.-]+)(?:/[\w./-]*)?(?::([\w./-]+))?(?:\+\S*|\s+AS\s|\s*$)`)
)
