package detect

import "strings"

// cargoVet knows the audits of others that cargo vet fetches, each a file of a
// branch, or several.
func cargoVet() Detector {
	wants := func(file string) bool { return strings.HasSuffix("/"+file, "/supply-chain/config.toml") }
	return sheetDetector("cargo vet", wants, func(s *sheet) {
		for _, imported := range s.tomlTree().at("imports").members() {
			for _, url := range imported.at("url").some() {
				if m, ok := rawFile(url.str()); ok {
					s.note(url.line, m)
				}
			}
		}
	})
}
