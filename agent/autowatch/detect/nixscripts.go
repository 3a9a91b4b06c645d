package detect

import (
	"regexp"
	"strings"
)

// nixScripts knows what the shell scripts in Nix expressions clone, which services,
// activations and programs are made of. Those that update a package's own sources
// are no builds.
func nixScripts() Detector {
	return sheetDetector("Nix scripts", named("*.nix"), func(s *sheet) {
		if strings.Contains(s.text, "updateScript") {
			return
		}
		lines := strings.Split(s.text, "\n")
		for i := 0; i < len(lines); i++ {
			at := nixClone.FindStringSubmatchIndex(lines[i])
			if at == nil || strings.HasPrefix(strings.TrimSpace(lines[i]), "#") {
				continue
			}
			first, command := i, lines[i][at[2]:]
			for strings.HasSuffix(command, `\`) && i+1 < len(lines) {
				i++
				command = strings.TrimSuffix(command, `\`) + " " + lines[i]
			}
			s.script([]*node{{shape: isText, line: first + 1, text: nixShell.Replace(nixProgram.ReplaceAllString(command, "git "))}}, nil)
		}
	})
}

var (
	nixClone   = regexp.MustCompile(`(?:^|&&|\|\||;|\bthen|\bdo|\()\s*((?:\$\{[\w.]+\}/bin/)?git (?:-[cC] \S+ )*clone )`)
	nixProgram = regexp.MustCompile(`\$\{[\w.]+\}/bin/git `)
	nixShell   = strings.NewReplacer("''${", "${", "'''", "''")
)
