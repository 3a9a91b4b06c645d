package detect

// swiftManifests knows Package.swift, as far as it asks for a branch or a
// commit: versions are tags.
func swiftManifests() Detector {
	return sheetDetector("swift", named("Package.swift"), func(s *sheet) {
		r := &swiftReader{sheet: s, constants: map[string]token{}}
		flat := tokens(s.text, lexis{comment: "//", block: [2]string{"/*", "*/"}, quotes: `"`, triple: true, inner: `\(`})
		for i := range flat {
			r.constant(flat[i:])
		}
		r.group(nested(flat))
	})
}

type swiftReader struct {
	*sheet
	constants map[string]token // by their names; one that has several values is none
}

// constant takes in let name = "text".
func (r *swiftReader) constant(ts []token) {
	if len(ts) < 4 || ts[0].text != "let" || !ts[2].is('=') || !ts[3].is('s') {
		return
	}
	value := ts[3]
	if before, known := r.constants[ts[1].text]; known && before.text != value.text {
		value.computed = true
	}
	r.constants[ts[1].text] = value
}

// group looks for .package(url: "https://…", branch: "main").
func (r *swiftReader) group(ts []token) {
	for i, t := range ts {
		if t.is('(') && i > 0 && ts[i-1].text == "package" {
			r.dependency(readOptions(t.inside))
		}
		r.group(t.inside)
	}
}

func (r *swiftReader) dependency(o options) {
	url := o.named["url"]
	if len(url) != 1 || !url[0].is('s') {
		return
	}
	var c choice
	for key, into := range map[string]*string{"branch": &c.branch, "revision": &c.commit} {
		value := o.named[key]
		for _, place := range o.places { // .branch("main"), as it was before
			if len(place) == 3 && place[0].is('.') && place[1].text == key {
				value = place[2].inside
			}
		}
		if len(value) == 1 && value[0].is('w') && r.constants[value[0].text].is('s') {
			value = []token{r.constants[value[0].text]}
		}
		switch {
		case len(value) == 0:
		case len(value) > 1 || !value[0].is('s') || value[0].computed:
			r.fail(value[0].line, "the name of the branch is computed")
			return
		default:
			*into = value[0].text
		}
	}
	if c != (choice{}) {
		r.note(url[0].line, c.mention(gitURL(url[0].text)))
	}
}

// swiftLocks knows Package.resolved, of both versions of its format.
func swiftLocks() Detector {
	return sheetDetector("swift-lock", named("Package.resolved"), func(s *sheet) {
		root := s.jsonTree()
		pins := append(append([]*node{}, root.at("object", "pins").list()...), root.at("pins").list()...)
		for _, pin := range pins {
			key := "location"
			if pin.str(key) == "" {
				key = "repositoryURL"
			}
			state := pin.at("state")
			c := choice{branch: state.str("branch")}
			if c.branch == "" {
				c.commit = state.str("revision")
			}
			if state.str("version") == "" && c != (choice{}) {
				s.note(pin.lineOf(key), c.mention(gitURL(pin.str(key))))
			}
		}
	})
}
