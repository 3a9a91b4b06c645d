package detect

import "regexp"

var stepSetting = regexp.MustCompile(`\becho\s+["']?([A-Za-z_]\w*)=([^"'\s]+)["']?\s*(?:>>|\|\s*tee\s+-a)\s*["']?\$\{?GITHUB_(ENV|OUTPUT)\b`)

// stepValues are the variables and outputs that the steps of a job print for
// later ones, where it is written out what: by the names that expressions have for
// them, and as the variables of a shell. Where several say it, the last counts.
func (w *workflow) stepValues(job *node, known values) (named map[string]string, variables *node) {
	named, variables = map[string]string{}, &node{shape: isTable}
	for _, step := range job.at("steps").list() {
		for _, parts := range stepSetting.FindAllStringSubmatch(step.value("run"), maxItems) {
			value := w.evaluate(parts[2], known)
			if !isPlain(value, maxName) || isComputed(value) || len(named) >= maxValues {
				continue
			}
			if parts[3] == "ENV" {
				named["env."+parts[1]] = value
				variables.putText(parts[1], value, step.line)
			} else if id := step.value("id"); id != "" {
				named["steps."+id+".outputs."+parts[1]] = value
			}
		}
	}
	return named, variables
}

// putText sets what a table says under key.
func (n *node) putText(key, text string, line int) {
	if before := n.at(key); before != nil {
		before.text = text
		return
	}
	n.put(key, &node{shape: isText, text: text, line: line})
}
