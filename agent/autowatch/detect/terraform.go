package detect

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// terraform knows the sources of modules: Terraform's, OpenTofu's and Terragrunt's,
// and what provisioners and hooks clone.
func terraform() Detector {
	return sheetDetector("Terraform", named("*.tf", "*.tofu", "*.tf.json", "*.tofu.json", "*.hcl"), func(s *sheet) {
		switch path.Ext(s.file.Path) {
		case ".json":
			findModuleCalls(s, s.jsonTree().at("module"))
		case ".hcl":
			findTerragrunt(s)
		default:
			attributes := hclAttributes(s.text)
			defaults := sync.OnceValue(func() map[string]string { return s.defaults(attributes) })
			for _, a := range attributes {
				switch {
				case a.key == "source" && len(a.path) == 2 && a.path[0] == "module":
					s.module(a.value, a.line)
				case a.key == "command" && len(a.path) > 1 && a.path[len(a.path)-2] == "provisioner" && a.path[len(a.path)-1] == "local-exec":
					text := withDefaults(a.value, defaults())
					s.script([]*node{{shape: isText, text: text, line: a.line}}, nil)
				case isFileOf(a):
					s.readFile(a.value, a.line)
				}
			}
		}
	})
}

// defaults are those of the variables of the file itself, and of the one that
// usually has them.
func (s *sheet) defaults(attributes []hclAttribute) map[string]string {
	if path.Base(s.file.Path) != "variables.tf" {
		attributes = slices.Concat(hclAttributes(s.beside("variables.tf")), attributes)
	}
	return hclDefaults(attributes)
}

// findModuleCalls reads "module" of Terraform's JSON, which has lists where
// HCL has blocks of the same name.
func findModuleCalls(s *sheet, modules *node) {
	for _, group := range modules.some() {
		for _, calls := range group.members() {
			for _, call := range calls.some() {
				s.module(call.str("source"), call.lineOf("source"))
			}
		}
	}
}

func (s *sheet) module(address string, line int) {
	if m, ok := goGetter(address); ok {
		s.note(line, m)
	} else if strings.HasPrefix(address, "${") && strings.Contains(address, "?ref=") {
		s.fail(line, "the address is computed")
	}
}

// isFileOf tells whether an attribute may be the address of a file to read.
func isFileOf(a hclAttribute) bool {
	return len(a.path) > 0 && a.path[0] == "locals" || len(a.path) > 1 && a.path[0] == "data" && a.path[1] == "http" && a.key == "url"
}

// readFile takes the address of a file of a branch that a configuration reads,
// or names once for many that do.
func (s *sheet) readFile(address string, line int) {
	if m, ok := rawFile(address); ok && !isComputed(m.URL) && !isComputed(m.Name) {
		s.note(line, m)
	}
}

var terragruntLocal = regexp.MustCompile(`\$\{((?:include\.[\w-]+\.locals|local)\.[\w-]+)\}`)

// findTerragrunt reads the sources of Terragrunt's units and stacks. The locals
// of the file count, and those of the files that it includes.
func findTerragrunt(s *sheet) {
	attributes := hclAttributes(s.text)
	locals := map[string]string{}
	for _, a := range attributes {
		switch {
		case a.items != nil: // no address
		case len(a.path) == 1 && a.path[0] == "locals":
			locals["local."+a.key] = a.value
		case len(a.path) == 2 && a.path[0] == "include" && a.key == "path":
			s.includedLocals(a.path[1], a.value, locals)
		}
	}
	for _, a := range attributes {
		if a.key == "execute" && len(a.path) == 3 && a.path[0] == "terraform" && strings.HasSuffix(a.path[1], "_hook") {
			s.script([]*node{{shape: isText, text: strings.Join(a.items, " "), line: a.line}}, nil)
		}
		if a.key == "source" && isTerragruntSource(a.path) && len(a.value) <= maxURL {
			s.module(terragruntLocal.ReplaceAllStringFunc(a.value, func(match string) string {
				value, ok := locals[match[2:len(match)-1]]
				if !ok || len(value) > maxURL {
					return match
				}
				return value
			}), a.line)
		}
	}
}

func isTerragruntSource(block []string) bool {
	return len(block) == 1 && block[0] == "terraform" || len(block) == 2 && (block[0] == "unit" || block[0] == "stack")
}

// maxParents bounds how far up an included file is looked for.
const maxParents = 8

// includedLocals takes the locals of an included file. Its path begins with a
// call that finds some directory above; which, is found by trying.
func (s *sheet) includedLocals(name, file string, locals map[string]string) {
	file = strings.TrimPrefix(file[strings.LastIndexByte(file, '}')+1:], "/")
	if file == "" || strings.Contains(file, "..") {
		return
	}
	for range maxParents {
		if text := s.beside(file); text != "" {
			for _, a := range hclAttributes(text) {
				if len(a.path) == 1 && a.path[0] == "locals" && a.items == nil {
					locals["include."+name+".locals."+a.key] = a.value
				}
			}
			return
		}
		file = "../" + file
	}
}
