package suite

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/wright-build/wright/plugins"
)

const maxLog = 1 << 20 // bytes that are kept of one check

// logBuffer keeps what the provider and the suite say during a check, as it was
// said; only who shows it takes the secrets out.
type logBuffer struct {
	live io.Writer // may be nil; gets it without the secrets
	hide *redactor

	mu   sync.Mutex // guards all below
	text []byte
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.live != nil {
		_, _ = io.WriteString(l.live, l.hide.text(string(b)))
	}
	l.text = append(l.text, b...)
	if n := len(l.text) - maxLog; n > 0 {
		l.text = slices.Delete(l.text, 0, n)
	}
	return len(b), nil
}

// raw gives the log with everything that is in it.
func (l *logBuffer) raw() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

// redactor takes secrets out of what is shown.
type redactor struct {
	secrets []string // longest first
}

const hidden = "[secret]"

// newRedactor finds the secrets of the tables: what the schema marks, and
// where there is no schema or it forgot one, what is called like one.
func newRedactor(schema plugins.Schema, tables ...map[string]any) *redactor {
	r := &redactor{}
	for _, t := range tables {
		r.collect(schema, t)
	}
	slices.SortFunc(r.secrets, func(a, b string) int { return len(b) - len(a) })
	r.secrets = slices.Compact(r.secrets)
	return r
}

// pluginEnv is what plugins inherit of the environment, as a table.
func pluginEnv(environ []string) map[string]any {
	table := map[string]any{}
	for _, kv := range environ {
		if name, value, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "WRIGHT_PLUGIN_") {
			table[name] = value
		}
	}
	return table
}

func (r *redactor) collect(schema plugins.Schema, table map[string]any) {
	for name, v := range table {
		i := slices.IndexFunc(schema, func(f plugins.Field) bool { return f.Name == name })
		var inner plugins.Schema
		secret := secretName.MatchString(name)
		if i >= 0 {
			inner, secret = schema[i].Fields, secret || schema[i].Secret
		}
		r.add(inner, v, secret)
	}
}

func (r *redactor) add(inner plugins.Schema, v any, secret bool) {
	switch v := v.(type) {
	case string:
		if secret && len(v) >= 4 { // less would hide half of the log
			r.secrets = append(r.secrets, v)
		}
	case map[string]any:
		if secret {
			for _, e := range v {
				r.add(nil, e, true)
			}
			return
		}
		r.collect(inner, v)
	case []any:
		for _, e := range v {
			r.add(inner, e, secret)
		}
	}
}

// secretName is what keys with secrets are called.
var secretName = regexp.MustCompile(`(?i)(password|passwd|passphrase|secret|token|credential|(^|[-_])(api|private|access)[-_]?key([-_]|$))`)

func (r *redactor) text(s string) string {
	if r == nil {
		return s
	}
	for _, secret := range r.secrets {
		for _, form := range forms(secret) {
			s = strings.ReplaceAll(s, form, hidden)
		}
	}
	return s
}

// forms are the ways in which a text may stand in a log.
func forms(secret string) []string {
	quoted := strconv.Quote(secret)
	twice := strconv.Quote(quoted)
	return []string{secret, quoted[1 : len(quoted)-1], strings.Trim(twice, `\"`)}
}

// in says which form of a secret of the table a text holds.
func (r *redactor) in(s string) bool {
	return slices.ContainsFunc(r.secrets, func(secret string) bool {
		return slices.ContainsFunc(forms(secret), func(form string) bool { return strings.Contains(s, form) })
	})
}

// errorText shows an error with its code and field.
func errorText(err error) string {
	if err == nil {
		return "none"
	}
	e, ok := asError(err)
	if !ok {
		return fmt.Sprintf("without a code: %v", err)
	}
	text := fmt.Sprintf("with code %q", string(e.Code))
	if e.Code == plugins.Unknown {
		text = "without a code"
	}
	if e.Field != "" {
		text += fmt.Sprintf(", field %q", e.Field)
	}
	if e.RetryAfter > 0 {
		text += fmt.Sprintf(", retry after %v", e.RetryAfter)
	}
	return fmt.Sprintf("%s: %v", text, err)
}

// seen looks at the error of a call: no secret may be in it.
func (t *T) seen(err error) error {
	if err != nil && (t.hide.in(err.Error()) || strings.Contains(err.Error(), t.envSecret())) {
		t.Report(Finding{
			Did: "read the error of a call", Got: strings.ReplaceAll(err.Error(), t.envSecret(), hidden), Want: "no secret is in an error: neither of the settings nor of Spec.Env.",
			Mend: "say which setting is wrong, not its value; beware of errors with whole URLs and requests in them",
		})
	}
	return err
}

// secrets looks through everything that the provider said.
func (t *T) secrets() {
	if _, race, found := strings.Cut(t.log.raw(), "WARNING: DATA RACE"); found {
		t.Report(Finding{
			Did: "read what the provider logged", Got: "a data race:" + short(race), Want: "A provider is called concurrently.",
			Mend: "guard what calls share with a lock; the log has both places",
		})
	}
	for line := range strings.Lines(t.log.raw()) {
		leak := t.hide.in(line)
		if leak || strings.Contains(line, t.envSecret()) {
			t.Report(Finding{
				Did: "read what the provider logged", Got: strings.ReplaceAll(line, t.envSecret(), hidden), Want: "no secret is in the log: neither of the settings nor of Spec.Env (\"may hold secrets\").",
				Mend: "do not log settings, requests and environments as they are",
			})
			return
		}
	}
}

// envSecret is in the environment of everything that is made.
func (t *T) envSecret() string { return "env-secret-" + t.id }
