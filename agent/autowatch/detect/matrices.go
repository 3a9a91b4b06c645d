package detect

import (
	"cmp"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

const (
	maxAxes    = 50      // variables that make one run
	maxSettles = 100_000 // values that name others, once for each run that has them
)

// shellRuns are the variables that a pipeline, a job or a step sets for its
// scripts in each of its runs, with what was set around it.
func shellRuns(outer []map[string]string, table *node, file string) []map[string]string {
	runs := []map[string]string{shellVariables(table)}
	if travis := travisRuns(table); path.Base(file) == ".travis.yml" && len(travis) > 0 {
		runs = travis
	}
	runs = allOf(runs, gitlabMatrix(table.at("parallel", "matrix")))
	if len(outer) == 0 {
		return runs
	}
	return allOf(outer, runs)
}

// allOf are the runs with each of others, which win.
func allOf(runs, others []map[string]string) []map[string]string {
	if len(others) == 0 || len(others) == 1 && len(others[0]) == 0 {
		return runs
	}
	var all []map[string]string
	for _, run := range runs {
		for _, other := range others {
			if len(all) >= maxCombinations {
				return all
			}
			both := maps.Clone(run)
			maps.Copy(both, other)
			all = append(all, both)
		}
	}
	return all
}

// shellVariables are those that a table sets once for all of its runs.
func shellVariables(table *node) map[string]string {
	values := map[string]string{}
	addDefaults(values, table)
	for _, key := range []string{"variables", "env", "environment"} {
		variables := table.at(key)
		for _, variable := range variables.members() {
			addValue(values, variable.key, cmp.Or(variable.value("value"), variable.value()))
		}
		for _, variable := range variables.list() {
			if name := variable.value("name"); name != "" {
				addValue(values, name, variable.value("value"))
			} else if variable.shape == isText && key == "environment" {
				maps.Copy(values, settingsIn(variable.text))
			}
		}
	}
	return values
}

func addValue(values map[string]string, name, value string) {
	if len(values) < maxValues {
		values[name] = value
	}
}

// gitlabMatrix are the runs of "parallel: matrix": each entry has a value or
// several for each name.
func gitlabMatrix(matrix *node) []map[string]string {
	var all []map[string]string
	for _, entry := range matrix.list() {
		runs := []map[string]string{{}}
		for _, variable := range entry.members()[:min(len(entry.members()), maxAxes)] {
			var each []map[string]string
			for _, value := range variable.some() {
				each = append(each, map[string]string{variable.key: value.value()})
			}
			runs = allOf(runs, each)
		}
		all = append(all, runs[:min(len(runs), maxCombinations-len(all))]...)
	}
	return all
}

// travisRuns are those of a pipeline of Travis: one for each line of "env", and
// one for each job that is included with variables of its own.
func travisRuns(table *node) []map[string]string {
	env, global := table.at("env"), map[string]string{}
	for _, line := range env.at("global").some() {
		maps.Copy(global, settingsIn(line.str()))
	}
	lines := slices.Clone(env.some())
	if env != nil && env.shape == isTable {
		lines = slices.Concat(env.at("jobs").some(), env.at("matrix").some())
	}
	for _, key := range []string{"jobs", "matrix"} {
		for _, job := range table.at(key, "include").list() {
			lines = append(lines, job.at("env").some()...)
		}
	}
	var runs []map[string]string
	for _, line := range lines[:min(len(lines), maxCombinations)] {
		runs = append(runs, settingsIn(line.str()))
	}
	if len(runs) == 0 && len(global) > 0 {
		return []map[string]string{global}
	}
	return allOf([]map[string]string{global}, runs)
}

var circleParameter = regexp.MustCompile(`<<\s*([#/^]?)(?:pipeline\.)?parameters\.([\w-]+)\s*>>`)

// addDefaults takes in the defaults of the parameters that a job or a command of
// CircleCI has.
func addDefaults(values map[string]string, table *node) {
	for _, parameter := range table.at("parameters").members() {
		if value := parameter.value("default"); value != "" {
			addValue(values, "parameters."+parameter.key, value)
		}
	}
}

// withParameters puts those of CircleCI into text: what is not known counts as
// computed. The signs around conditions go.
func withParameters(text string, values map[string]string) string {
	if !strings.Contains(text, "<<") {
		return text
	}
	return circleParameter.ReplaceAllStringFunc(text, func(match string) string {
		parts := circleParameter.FindStringSubmatch(match)
		switch value := values["parameters."+parts[2]]; {
		case parts[1] != "":
			return " "
		case value == "" || len(value) > maxName:
			return "${?}"
		default:
			return value
		}
	})
}

// settled are values with what they name put in; one with a parameter that is
// not known is left out.
func (s *sheet) settled(values map[string]string) map[string]string {
	var all map[string]string
	d := &dockerfile{values: values}
	for name, value := range values {
		if !strings.Contains(value, "<<") && !strings.Contains(value, "$") {
			continue
		}
		if s.settles++; s.settles > maxSettles {
			break
		}
		if all == nil {
			all = maps.Clone(values)
		}
		all[name] = d.expand(d.expand(withParameters(value, values))) // what it names may name another
		if strings.Contains(value, "<<") && isComputed(all[name]) {
			delete(all, name)
		}
	}
	if all == nil {
		return values
	}
	return all
}

// settingsIn are those of a text such as "A=1 B='2 3'".
func settingsIn(text string) map[string]string {
	values := map[string]string{}
	for _, w := range shellWords(text, 0) {
		if len(values) >= maxAxes {
			break
		}
		if name, value, ok := strings.Cut(w.text, "="); ok && shellSetting.MatchString(w.text) {
			addValue(values, name, value)
		}
	}
	return values
}
