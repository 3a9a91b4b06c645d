// Package conformance is the test kit that every provider must pass, ours and a
// third party's, for tests in Go. A provider's test is a few lines:
//
//	func TestConformance(t *testing.T) {
//		conformance.Cloud(t, conformance.Subject{Binary: conformance.Build(t, ".")})
//	}
//
// Each check is a subtest. What the checks are and how they run is the business
// of package suite, which "wright plugin verify" runs for plugins in any language.
package conformance

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/conformance/suite"
)

// Subject is the provider to test. All but Binary is optional: Settings, Config,
// Limit, Endpoint, Wrong, Full, FullConfig, Many, Domain, Probe and Person. They are
// the keys of verify.toml, which suite.Read reads, and are told of one by one by
//
//	go doc github.com/wright-build/wright/plugins/conformance/suite Subject
type Subject = suite.Subject

// Cloud tests a cloud provider.
func Cloud(t *testing.T, s Subject) { run(t, plugins.Cloud, s) }

// Balancer tests a balancer. It must take routes of names below Subject.Domain;
// with Subject.Probe it is also asked whether requests arrive.
func Balancer(t *testing.T, s Subject) { run(t, plugins.Balancer, s) }

// DNS tests a DNS provider. It must serve records of type A below
// Subject.Domain.
func DNS(t *testing.T, s Subject) { run(t, plugins.DNS, s) }

// Database tests a database provider.
func Database(t *testing.T, s Subject) { run(t, plugins.Database, s) }

// Notifier tests a notifier. With Subject.Probe or Subject.Endpoint it is also
// seen what arrives at the far side.
func Notifier(t *testing.T, s Subject) { run(t, plugins.Notifier, s) }

// Runner tests a runner: the commands that it gives are run.
func Runner(t *testing.T, s Subject) { run(t, plugins.Runner, s) }

func run(t *testing.T, kind plugins.Kind, s Subject) {
	t.Helper()
	session, err := suite.Open(t.Context(), s, suite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if session.Kind != kind {
		t.Fatalf("%s is a provider of the kind %s, not %s", s.Binary, session.Kind, kind)
	}
	for _, check := range suite.Checks(kind) {
		t.Run(check.Name, func(t *testing.T) {
			result := session.Run(t.Context(), check)
			if len(result.Failures) > 0 {
				t.Log("the provider said:\n" + result.Log)
			}
			for _, failure := range result.Failures { // last, where they are looked for
				t.Error(failure)
			}
			if result.Status == suite.Skipped {
				t.Skip(result.Reason)
			}
		})
	}
}

// Build builds a main package as "go build" does and gives the path of the
// binary, which is called as the package's directory.
func Build(t testing.TB, pkg string) string {
	t.Helper()
	dir, err := filepath.Abs(pkg)
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), filepath.Base(dir))
	cmd := exec.Command("go", "build", "-o", binary, ".")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", dir, err, out)
	}
	return binary
}
