package suite

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
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
	secrets []string
	forms   []string // of all secrets, longest first
}

const hidden = "[secret]"

// newRedactor finds the secrets of the tables: what the schema marks, and
// where there is no schema or it forgot one, what is called like one.
func newRedactor(schema plugins.Schema, tables ...map[string]any) *redactor {
	r := &redactor{}
	for _, t := range tables {
		r.collect(schema, t)
	}
	return r.and()
}

// and gives a redactor that knows more secrets.
func (r *redactor) and(more ...string) *redactor {
	all := &redactor{secrets: slices.Concat(r.secrets, more)}
	for _, secret := range all.secrets {
		all.forms = append(all.forms, forms(secret)...)
	}
	slices.SortFunc(all.forms, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	all.forms = slices.Compact(all.forms)
	return all
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
	for _, form := range r.forms {
		s = strings.ReplaceAll(s, form, hidden)
	}
	return s
}

// in says whether a text holds a secret of the table in any form.
func (r *redactor) in(s string) bool {
	return slices.ContainsFunc(r.forms, func(form string) bool { return strings.Contains(s, form) })
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
