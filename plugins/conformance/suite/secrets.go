package suite

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
)

// leaks says whether a text of the provider's holds a secret. The paths in it are
// the suite's own words.
func (t *T) leaks(text string) bool {
	for _, path := range []string{t.subject.Binary, filepath.Dir(t.subject.Binary), t.parent} {
		if path != "" {
			text = strings.ReplaceAll(text, path, "")
		}
	}
	return t.hide.in(text)
}

// seen looks at the error of a call: no secret may be in it.
func (t *T) seen(err error) error {
	if err != nil && t.leaks(err.Error()) {
		t.Report(Finding{
			Did: "read the error of a call", Got: err.Error(), Want: "no secret is in an error: neither of the settings nor of Spec.Env.",
			Mend: "say which setting is wrong, not its value; beware of errors with whole URLs and requests in them",
		})
	}
	return err
}

// secrets looks through everything that the provider said.
func (t *T) secrets() {
	if _, race, found := strings.Cut(t.said.raw(), "WARNING: DATA RACE"); found {
		t.Report(Finding{
			Did: "read what the provider logged", Got: "a data race:" + short(race), Want: "A provider is called concurrently.",
			Mend: "guard what calls share with a lock; the log has both places",
		})
	}
	for did, said := range map[string]*logBuffer{"read what the provider logged": t.said, "read what the provider told as progress of a call": t.told} {
		for line := range strings.Lines(said.raw()) {
			if t.leaks(line) {
				t.Report(Finding{
					Did: did, Got: line, Want: "no secret is in it, in whatever form: neither of the settings nor of Spec.Env (\"may hold secrets\").",
					Mend: "do not log settings, requests, headers, URLs and environments as they are",
				})
				break
			}
		}
	}
}

// envSecret is in the environment of everything that is made.
func (t *T) envSecret() string { return "env-secret-" + t.id }

// forms are the ways in which a text may stand in a log or a URL.
func forms(secret string) []string {
	quoted := strconv.Quote(secret)
	twice := strconv.Quote(quoted)
	list := []string{secret, quoted[1 : len(quoted)-1], strings.Trim(twice, `\"`)}
	if text, err := json.Marshal(secret); err == nil {
		list = append(list, string(text[1:len(text)-1]))
	}
	const telling = 8 // bytes: what is shorter is met by chance
	if len(secret) < telling {
		return list
	}
	list = append(list, url.QueryEscape(secret), url.PathEscape(secret), strings.ReplaceAll(url.QueryEscape(secret), "+", "%20"), url.User(secret).String())
	for before := range 3 {
		list = append(list, inBase64(base64.RawStdEncoding, secret, before), inBase64(base64.RawURLEncoding, secret, before))
	}
	return list
}

// inBase64 is what of a secret can be seen in a text in base64 in which some bytes
// stand before it, as a user's name does in HTTP's basic authentication.
func inBase64(e *base64.Encoding, secret string, before int) string {
	text := e.EncodeToString([]byte(strings.Repeat("x", before) + secret))
	from := (before*8 + 5) / 6
	return text[from : (before+len(secret))*8/6]
}
