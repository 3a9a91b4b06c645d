package manifests

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

const (
	manifestDocs = "../docs/manifests.md"
	configDocs   = "../docs/configuration.md"
)

// TestDocsTellEveryKey holds the tables of the docs to Keys() and ConfigKeys();
// -rewrite writes them.
func TestDocsTellEveryKey(t *testing.T) {
	docsTell(t, manifestDocs, Keys())
	docsTell(t, configDocs, ConfigKeys())
}

func docsTell(t *testing.T, docs string, keys []KeyDoc) {
	text, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- keys -->\n", "<!-- end of keys -->\n"
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s lacks the marks %q and %q", docs, begin, end)
	}
	want := before + begin + keyTable(keys) + end + after
	if want == string(text) {
		return
	}
	if !*rewrite {
		t.Fatalf("%s does not tell the keys as they are: go test ./manifests -rewrite", docs)
	}
	if err := os.WriteFile(docs, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func keyTable(keys []KeyDoc) string {
	var b strings.Builder
	b.WriteString("| key | what may be written | default | meaning |\n| --- | --- | --- | --- |\n")
	cell := func(s string) string { return strings.NewReplacer("|", `\|`, "<", "&lt;", ">", "&gt;").Replace(s) }
	for _, k := range keys {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.Path, cell(k.Type), cell(k.Default), cell(k.Doc))
	}
	return b.String()
}
