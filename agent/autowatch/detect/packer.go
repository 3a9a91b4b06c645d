package detect

import (
	"slices"
	"strings"
)

// packerTemplates knows what the scripts clone that Packer provisions machines
// with: those that stand in a template, and those of the workspace that it names.
func packerTemplates() Detector {
	wants := func(file string) bool {
		return strings.HasSuffix(file, ".pkr.hcl") || strings.HasSuffix(file, ".json") && (strings.Contains(file, "packer") || strings.Contains(file, ".pkr."))
	}
	return sheetDetector("Packer", wants, func(s *sheet) {
		calls := newScriptCalls(s, ".")
		if !strings.HasSuffix(s.file.Path, ".json") {
			for _, a := range hclAttributes(s.text) {
				if slices.Contains(a.path, "provisioner") && a.path[len(a.path)-1] == "shell" {
					s.provisioned(a.key, append(a.items, a.value), a.line, calls)
				}
			}
			return
		}
		if !strings.Contains(s.text, `"provisioners"`) || !strings.Contains(s.text, `"shell"`) {
			return
		}
		doc, _, _ := readJSON(s.text)
		for _, p := range doc.at("provisioners").list() {
			for _, member := range p.members() {
				s.provisioned(member.key, textsOf(member.some()), member.line, calls)
			}
		}
	})
}

// provisioned reads an attribute of a provisioner.
func (s *sheet) provisioned(key string, values []string, line int, calls *scriptCalls) {
	switch key {
	case "inline":
		s.provision(&node{shape: isText, line: line, text: strings.Join(values, " ; ")}, calls)
	case "script", "scripts":
		for _, file := range values {
			if file != "" {
				s.provision(&node{shape: isText, line: line, text: "sh " + file}, calls)
			}
		}
	}
}
