package suite

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
)

// bug is one that a reference provider has on demand.
type bug struct {
	name  string
	check string // a regular expression: the checks of which at least one must catch it
	says  string // a regular expression: what the message must tell
}

// reference builds the reference providers.
func reference(t *testing.T) map[plugins.Kind]Subject {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "reference")
	cmd := exec.Command("go", "build", "-o", binary, "./testdata/reference")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the reference: %v\n%s", err, out)
	}
	subjects := map[plugins.Kind]Subject{}
	for _, kind := range plugins.Kinds() {
		path := filepath.Join(dir, plugins.BinaryName(kind, "reference"))
		if err := os.Link(binary, path); err != nil {
			t.Fatal(err)
		}
		subjects[kind] = Subject{
			Binary: path, Limit: 20 * time.Second, Many: 60,
			Settings: map[string]any{"password": "right and secret"}, Wrong: map[string]any{"password": "wrong and secret"},
			Full: map[string]any{"full": true},
		}
	}
	return subjects
}

// variant is a kind's reference with what its far side needs.
type variant struct {
	name    string
	kind    plugins.Kind
	checks  string // a regular expression: those that the one without a bug must pass
	bugs    func() []bug
	subject func(*testing.T, Subject) Subject
}

func asItIs(_ *testing.T, s Subject) Subject { return s }

func variants() []variant {
	return []variant{
		{"dns", plugins.DNS, "", dnsBugs, asItIs},
		{"database", plugins.Database, "", databaseBugs, asItIs},
		{"balancer", plugins.Balancer, "", balancerBugs, listening},
		{"runner", plugins.Runner, "", runnerBugs, asItIs},
		{"notifier", plugins.Notifier, "", notifierBugs, posted},
		{"backend", plugins.DNS, "^backend|^set, |^others|^cancelled|^another agent", backendBugs, kept},
		{"by hand", plugins.DNS, "^a person|^set, |^what is set", personBugs, byHand},
		{"probe", plugins.Database, "^the ephemeral|^the persistent|^nothing is left", probeBugs, probed},
	}
}

// TestReferences has the references without a bug pass every check, and each of
// their bugs caught with a message that says what to mend.
func TestReferences(t *testing.T) {
	subjects := reference(t)
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			t.Run("clean", func(t *testing.T) {
				t.Parallel()
				s := v.subject(t, subjects[v.kind])
				s.Limit = time.Minute
				passes(t, s, v.checks)
			})
			for _, bug := range v.bugs() {
				t.Run(bug.name, func(t *testing.T) {
					t.Parallel()
					s := v.subject(t, subjects[v.kind])
					s.Settings = over(s.Settings, map[string]any{"bug": bug.name})
					if strings.Contains(bug.check, "in the middle of") {
						s.Settings["pause"] = "20ms" // the moment that a kill must hit, also on a machine that is busy
					}
					isCaught(t, s, bug)
				})
			}
		})
	}
}

func passesAll(t *testing.T, s Subject) { passes(t, s, "") }

func passes(t *testing.T, s Subject, checks string) {
	report, err := Run(t.Context(), s, Options{Only: checks, Progress: func(r Result) {
		t.Logf("%-7s %6dms %s %s", r.Status, r.Took.Milliseconds(), r.Check.Name, r.Reason)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d checks in %v", len(report.Results), report.Took)
	for _, r := range report.Results {
		for _, f := range r.Failures {
			t.Errorf("%s: %s\n%s", r.Check.Name, f, tail(r.Log))
		}
	}
}

func isCaught(t *testing.T, s Subject, b bug) {
	report, err := Run(t.Context(), s, Options{Only: b.check})
	if err != nil {
		t.Fatal(err)
	}
	says := regexp.MustCompile(`(?s)` + b.says)
	var said []string
	for _, r := range report.Results {
		for _, f := range r.Failures {
			if says.MatchString(f) && strings.Contains(f, "contract:") && strings.Contains(f, "mend:") {
				t.Logf("caught by %q:\n%s", r.Check.Name, f)
				return
			}
			said = append(said, fmt.Sprintf("%s: %s", r.Check.Name, f))
		}
		said = append(said, fmt.Sprintf("%s: %s in %v %s", r.Check.Name, r.Status, r.Took, r.Reason))
	}
	t.Errorf("not caught by a message with %q, but: %s", b.says, strings.Join(said, "\n"))
}

func tail(log string) string {
	const most = 2000
	return log[max(0, len(log)-most):]
}
