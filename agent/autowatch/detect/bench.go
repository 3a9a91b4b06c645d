package detect

import "strings"

// frappeApps knows the lists of apps that Frappe's bench is given.
func frappeApps() Detector {
	return sheetDetector("Frappe apps", named("apps.json", "apps-*.json"), func(s *sheet) {
		for _, app := range s.jsonTree().list() {
			if url := app.str("url"); looksLikeGit(url) && app.at("branch") != nil {
				s.note(app.lineOf("url"), Mention{URL: url, Name: app.str("branch")})
			}
		}
	})
}

const frappeOwner = "https://github.com/frappe/"

// benchInit reads "--frappe-branch name --frappe-path URL".
func (d *dockerfile) benchInit(words []dockerWord) (m clone, ok bool) {
	options := d.options(words)
	m.URL, m.Name = frappeOwner+"frappe", options["--frappe-branch"]
	if url := options["--frappe-path"]; url != "" {
		m.URL = url
	}
	if len(words) > 0 {
		m.line = words[0].line
	}
	return m, isRemote(m.URL)
}

// benchApp reads "--branch name [name] URL", where the address may be a name, or
// owner and name at GitHub.
func (d *dockerfile) benchApp(words []dockerWord) (m clone, ok bool) {
	m.Name = d.options(words)["--branch"]
	for i, w := range words {
		if strings.HasPrefix(w.text, "-") || i > 0 && words[i-1].text == "--branch" {
			continue
		}
		m.URL, m.line = d.expand(w.text), w.line
	}
	switch {
	case isRemote(m.URL):
	case strings.Count(m.URL, "/") == 1:
		m.URL = "https://github.com/" + m.URL
	case isPlainWord(m.URL):
		m.URL = frappeOwner + m.URL
	default:
		return clone{}, false
	}
	return m, true
}

// options are the values of those with two dashes.
func (d *dockerfile) options(words []dockerWord) map[string]string {
	options := map[string]string{}
	for i, w := range words {
		option, value, inline := strings.Cut(w.text, "=")
		if !inline && i+1 < len(words) {
			value = words[i+1].text
		}
		if strings.HasPrefix(option, "--") {
			options[option] = d.expand(value)
		}
	}
	return options
}
