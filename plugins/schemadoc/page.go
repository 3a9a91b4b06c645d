package schemadoc

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/wright-build/wright/plugins"
)

// Page writes the reference page of a provider in Markdown.
func Page(w io.Writer, d *plugins.Description) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s provider `%s`\n\n", title(d.Kind), d.Name)
	if doc := strings.TrimSpace(d.Doc); doc != "" {
		b.WriteString(doc + "\n\n")
	}
	fmt.Fprintf(&b, "Version %s, protocol %d.", d.Version, d.Protocol)
	if len(d.Capabilities) > 0 {
		fmt.Fprintf(&b, " It can also: %s.", strings.Join(d.Capabilities, ", "))
	}
	b.WriteString("\n\n")
	if example := Example(d); example != "" {
		b.WriteString("## In a manifest\n\n```toml\n" + example + "```\n\n")
		section(&b, d.Config, "The provider takes no keys of its own.")
	}
	b.WriteString("## Settings on the agent\n\n")
	section(&b, d.Settings, "There are none.")
	if len(d.Settings) > 0 {
		fmt.Fprintf(&b, "In the file of `wright agent run --providers FILE`:\n\n```toml\n[%s-%s]\n%s```\n",
			d.Kind, d.Name, sample(d.Settings, written))
	}
	_, err := io.WriteString(w, strings.TrimRight(harmless(b.String()), "\n")+"\n")
	return err
}

// harmless takes out what could move a terminal's cursor or hide text.
func harmless(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			return -1
		}
		return r
	}, s)
}

func title(k plugins.Kind) string {
	if k == plugins.DNS {
		return "DNS"
	}
	return strings.ToUpper(string(k[:1])) + string(k[1:])
}

func section(b *strings.Builder, s plugins.Schema, nothing string) {
	switch {
	case s == nil:
		b.WriteString("The table takes anything: the provider does not state its keys.\n\n")
	case len(s) == 0:
		b.WriteString(nothing + "\n\n")
	default:
		b.WriteString("| key | type | default | meaning |\n| --- | --- | --- | --- |\n")
		rows(b, s)
		b.WriteString("\n")
	}
}

func rows(b *strings.Builder, s plugins.Schema) {
	for _, r := range Rows(s) {
		standard := ""
		switch {
		case r.Required:
			standard = "required"
		case r.Default != "":
			standard = code(r.Default)
		}
		meaning := r.Doc
		if r.Example != "" {
			meaning = strings.TrimSpace(meaning + " Example: " + code(r.Example))
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", r.Key, cell(r.Type), cell(standard), cell(meaning))
	}
}

// cell makes a text safe for a table of Markdown.
func cell(s string) string {
	var b strings.Builder
	for i, part := range strings.Split(s, "`") {
		if i > 0 {
			b.WriteByte('`')
		}
		if i%2 == 0 { // outside of code
			part = strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(part)
		}
		b.WriteString(strings.NewReplacer("|", `\|`, "\n", " ").Replace(part))
	}
	return b.String()
}

// code shows a text as it is.
func code(s string) string {
	if strings.Contains(s, "`") {
		return "`` " + s + " ``"
	}
	return "`" + s + "`"
}
