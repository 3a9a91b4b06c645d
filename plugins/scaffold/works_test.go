package scaffold

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/conformance/suite"
)

// python is where Debian has the packages that a plugin needs.
const python = "/usr/bin/python3"

func needsPython(t *testing.T) {
	t.Helper()
	if out, err := exec.Command(python, "-c", "import grpc, google.protobuf").CombinedOutput(); err != nil {
		t.Skipf("Debian's python3-grpcio or python3-protobuf is not here: %v %s", err, out)
	}
}

// begin writes a plugin and gives its directory.
func begin(t *testing.T, kind plugins.Kind, lang string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), plugins.BinaryName(kind, "mine"))
	if _, err := Write(dir, Options{Kind: kind, Name: "mine", Lang: lang, SDK: sdk(t)}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// run runs a command in the plugin's directory, without a network to ask.
func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=-buildvcs=false", "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// What is written compiles as it is: neither "go mod tidy" nor a network is needed.
func TestGoBuildsOffline(t *testing.T) {
	for _, kind := range plugins.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			dir := begin(t, kind, Go)
			run(t, dir, "go", "build", ".")
			run(t, dir, "go", "vet", ".")
			linked := run(t, dir, "go", "version", "-m", plugins.BinaryName(kind, "mine"))
			if n := strings.Count(linked, "\tdep\t"); n > 10 {
				t.Errorf("a plugin links %d modules, at most 10 are allowed:\n%s", n, linked)
			}
		})
	}
}

func TestPythonUnitTests(t *testing.T) {
	needsPython(t)
	for _, kind := range plugins.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			run(t, begin(t, kind, Python), "make", "-s", "build", "test")
		})
	}
}

// Every plugin to begin with passes the whole suite. That takes minutes, so only
// those of the tutorial do it in every test run.
func TestConformant(t *testing.T) {
	if os.Getenv("WRIGHT_TEST_SCAFFOLDS") == "" {
		t.Skip("WRIGHT_TEST_SCAFFOLDS=1 runs the suite on plugins of every kind in every language")
	}
	for _, lang := range Langs() {
		for _, kind := range plugins.Kinds() {
			t.Run(lang+" "+string(kind), func(t *testing.T) {
				if lang == Python {
					needsPython(t)
				}
				dir := begin(t, kind, lang)
				run(t, dir, "make", "-s", "build")
				s, err := suite.Read(filepath.Join(dir, "verify.toml"))
				if err != nil {
					t.Fatal(err)
				}
				s.Binary = filepath.Join(dir, plugins.BinaryName(kind, "mine"))
				report, err := suite.Run(t.Context(), s, suite.Options{})
				if err != nil || !report.Passed() {
					_ = report.Table(t.Output())
					t.Error("it is not conformant:", err)
				}
				t.Log(report.Summary())
			})
		}
	}
}

// The commands of the tutorial do what it says, in the order in which a reader
// types them.
func TestTutorial(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute or two")
	}
	needsPython(t)
	dir := t.TempDir()
	checkoutWith(t, filepath.Join(dir, "wright"))
	script := commands(t, filepath.Join(sdk(t), "docs", "plugins.md"))
	file := filepath.Join(dir, "tutorial.sh")
	if err := os.WriteFile(file, []byte("set -eu\n"+strings.Join(script, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	out := run(t, dir, "sh", "-x", file)
	t.Logf("%d commands in %v", len(script), time.Since(start).Round(time.Second))
	conformant, not := strings.Count(out, ": conformant"), strings.Count(out, ": NOT conformant")
	if conformant != 2 || not != 1 || !strings.Contains(out, "exit status 1") || !strings.Contains(out, "mend:") {
		t.Errorf("%d conformant, %d not; want 2 and the one that is broken on purpose:\n%s", conformant, not, out)
	}
}

// commands gives the lines of a page that are to be typed.
func commands(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range strings.Lines(string(text)) {
		if command, ok := strings.CutPrefix(line, "    $ "); ok {
			list = append(list, strings.TrimSpace(command))
		}
	}
	if len(list) < 20 {
		t.Fatalf("%s has only %d commands", page, len(list))
	}
	return list
}

// checkoutWith makes a directory look like a checkout after "make build".
func checkoutWith(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(sdk(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); name != "bin" && name != ".git" {
			if err := os.Symlink(filepath.Join(sdk(t), name), filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	run(t, sdk(t), "go", "build", "-o", filepath.Join(dir, "bin", "wright"), "./cmd/wright")
}
