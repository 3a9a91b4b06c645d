package web

import (
	"bytes"
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/wright-build/wright/master/api/view"
)

// parseTemplates gives each page its own set: the layout and itself.
func parseTemplates() map[string]*template.Template {
	base := template.Must(template.New("layout").Funcs(functions()).ParseFS(files, "templates/layout.html", "templates/parts.html"))
	all := map[string]*template.Template{}
	for _, name := range []string{"instances", "instance", "builds", "build", "watches", "agents", "error"} {
		own := template.Must(base.Clone())
		all[name] = template.Must(own.ParseFS(files, "templates/"+name+".html"))
	}
	return all
}

// frame is what the layout needs beside the page.
type frame struct {
	Page    string
	Version string
	Data    any
}

func (p *pages) render(name string, data any) (*bytes.Buffer, error) {
	return p.renderPart(name, "layout", frame{name, p.cfg.Version, data})
}

// renderPart renders one definition of a page's set.
func (p *pages) renderPart(page, part string, data any) (*bytes.Buffer, error) {
	var text bytes.Buffer
	if err := p.templates[page].ExecuteTemplate(&text, part, data); err != nil {
		return nil, fmt.Errorf("render %s of page %s: %w", part, page, err)
	}
	return bytes.NewBuffer(bytes.Map(printable, text.Bytes())), nil
}

// printable drops the control characters that others may have written.
func printable(r rune) rune {
	if unicode.IsControl(r) && r != '\n' && r != '\t' {
		return -1
	}
	return r
}

func functions() template.FuncMap {
	return template.FuncMap{
		"ago": ago, "span": span, "tone": tone, "short": short, "size": size, "ref": shortRef, "repo": repo, "path": url.PathEscape, "steps": escapeSteps,
		"plural": plural, "took": took, "moment": moment, "now": func() string { return moment(time.Now()) },
	}
}

// escapeSteps escapes each step of a path.
func escapeSteps(path string) string {
	steps := strings.Split(path, "/")
	for i, s := range steps {
		steps[i] = url.PathEscape(s)
	}
	return strings.Join(steps, "/")
}

// ago writes a time as people say it; the exact one is its title.
func ago(t time.Time) template.HTML {
	if t.IsZero() {
		return "–"
	}
	d := time.Since(t)
	text := "just now"
	if d >= 5*time.Second {
		text = roughly(d) + " ago"
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`,
		moment(t), t.UTC().Format("2006-01-02 15:04:05 UTC"), text))
}

// moment writes a time for the script, which keeps what ago says true.
func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// took is how long a build ran that has ended.
func took(b view.Build) string {
	if b.StartedAt.IsZero() || b.FinishedAt.IsZero() {
		return ""
	}
	return span(b.FinishedAt.Sub(b.StartedAt))
}

// roughly writes a duration with its largest unit.
func roughly(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// span writes a duration with its two largest units.
func span(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// tone is the class of a state's badge.
func tone(state string) string {
	switch state {
	case "succeeded", "healthy", "active", "idle":
		return "good"
	case "failed", "errored", "bad manifest", "refused", "lost", "failing", "held back":
		return "bad"
	case "building", "running", "assigned", "busy", "spawned":
		return "busy"
	case "queued", "planned", "draining", "terminating", "waiting":
		return "wait"
	}
	return "off"
}

// short cuts a commit ID to what people compare.
func short(revision string) string { return revision[:min(len(revision), 10)] }

func shortRef(ref string) string {
	for _, prefix := range []string{"refs/heads/", "refs/tags/"} {
		if s, ok := strings.CutPrefix(ref, prefix); ok {
			return s
		}
	}
	return ref
}

// repo is the end of a URL, by which people know the repository.
func repo(raw string) string {
	s := strings.TrimSuffix(strings.TrimRight(raw, "/"), ".git")
	if i := strings.LastIndexAny(s, "/:"); i >= 0 && i < len(s)-1 {
		return s[i+1:]
	}
	return raw
}

func size(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d bytes", n)
	case n < 1000*1000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1000*1000*1000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

func plural(n int, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case strings.HasSuffix(what, "ch"):
		return fmt.Sprintf("%d %ses", n, what)
	}
	return fmt.Sprintf("%d %ss", n, what)
}
