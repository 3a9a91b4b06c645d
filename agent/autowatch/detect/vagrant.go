package detect

import (
	"regexp"
	"strings"
)

// vagrantfiles knows what the scripts clone that a Vagrantfile provisions its
// machines with, those that stand in it and those of the workspace that it names.
func vagrantfiles() Detector {
	return sheetDetector("Vagrant", named("Vagrantfile", "Vagrantfile.*"), func(s *sheet) {
		if !strings.Contains(s.text, "shell") {
			return
		}
		calls := newScriptCalls(s, ".")
		for _, script := range rubyHeredocs(s.text) {
			s.provision(script, calls)
		}
		for n, line := range numbered(s.text) {
			if parts := provisioned.FindStringSubmatch(line); parts != nil {
				s.provision(&node{shape: isText, text: parts[1] + parts[2], line: n}, calls)
			}
		}
	})
}

var (
	provisioned = regexp.MustCompile(`^[^#]*?(?:\binline *(?::|=>|=) *["']([^"'\n]+)["']|\bpath *(?::|=>|=) *["']([\w./-]+\.sh)["'])`)
	rubyHeredoc = regexp.MustCompile(`^[^#]*<<[-~]?["']?([A-Za-z_]\w*)["']?`)
)

// provision reads a script that a machine runs, which has the workspace at /vagrant.
func (s *sheet) provision(script *node, calls *scriptCalls) {
	script.text = strings.ReplaceAll(script.text, "/vagrant/", "./")
	sh := newShell(s, nil, calls)
	sh.place.at = "."
	sh.script([]*node{script})
}

// rubyHeredocs are the texts from "<<NAME" to a line with the name alone.
func rubyHeredocs(text string) []*node {
	var all []*node
	var inside strings.Builder
	first, end := 0, ""
	for n, line := range numbered(text) {
		parts := rubyHeredoc.FindStringSubmatch(line)
		switch {
		case end == "" && parts != nil && len(all) < maxItems:
			first, end = n, parts[1]
		case end == "":
		case strings.TrimSpace(line) == end:
			all = append(all, &node{shape: isText, line: first, text: inside.String()})
			inside.Reset()
			end = ""
		default:
			inside.WriteString(line + "\n")
		}
	}
	return all
}
