package suite

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/host"
)

func asError(err error) (*plugins.Error, bool) { return errors.AsType[*plugins.Error](err) }

func newID() string {
	b := make([]byte, 4)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// installation is the value of the tag by which a check finds what it made.
// Every run of a check is an installation of its own.
func (t *T) installation() string { return "conformance-" + t.id }

// ownTags are on everything that the check makes.
func (t *T) ownTags() map[string]string {
	return map[string]string{plugins.InstallationTag: t.installation()}
}

// withTag gives ownTags with more, in pairs.
func (t *T) withTag(pairs ...string) map[string]string {
	tags := t.ownTags()
	for pair := range slices.Chunk(pairs, 2) {
		tags[pair[0]] = pair[1]
	}
	return tags
}

// token gives a token that no other run of the suite has.
func (t *T) token(name string) string { return name + "-" + t.id }

// key names the provider in the host's configuration.
func (t *T) key() string { return string(t.kind) + "-" + t.name }

// state is the directory that outlives the hosts of a check.
func (t *T) state() string { return filepath.Join(t.parent, "state") }

// settings are the subject's, with the faulty proxy before the backend.
func (t *T) settings() map[string]any {
	if t.proxy == nil {
		return t.subject.Settings
	}
	return over(t.subject.Settings, map[string]any{t.subject.Endpoint: t.proxy.url()})
}

// open starts a host on the state directory, as an agent that was started (again)
// has it; it is closed with the check.
func (t *T) open() *host.Host { return t.openWith(t.settings()) }

func (t *T) openWith(settings map[string]any) *host.Host { return t.openIn(t.state(), settings) }

func (t *T) openIn(state string, settings map[string]any) *host.Host {
	return t.openFor(t.installation(), state, settings)
}

// openFor is openIn for an agent of some installation.
func (t *T) openFor(installation, state string, settings map[string]any) *host.Host {
	t.mu.Lock()
	t.opened++
	t.mu.Unlock()
	h := host.New(host.Config{
		Dirs: []string{filepath.Dir(t.subject.Binary)}, StateDir: state, Installation: installation,
		Log: t.log.logger(), Said: t.said.logger(), Providers: map[string]map[string]any{t.key(): settings},
	})
	t.Cleanup(func() { t.close(h) })
	return h
}

// hosts gives how many hosts the check has started.
func (t *T) hosts() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.opened
}

// close ends a host and the provider with it.
func (t *T) close(h *host.Host) {
	if err := h.Close(); err != nil {
		t.Errorf("end the provider: %v", err)
	}
}

// call gives the context of one call.
func (t *T) call() context.Context { return t.within(t.subject.Limit) }

func (t *T) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(plugins.WithReporter(t.Context(), t.progress), d)
	t.Cleanup(cancel)
	return ctx
}

// progress hears how far a call is.
func (t *T) progress(p plugins.Progress) { _, _ = t.told.Write([]byte(p.Message + "\n")) }

// pid gives the provider's process at this host, 0 when it does not run.
func (t *T) pid(h *host.Host) int {
	for _, i := range h.Plugins() {
		if i.Kind == t.kind && i.Name == t.name {
			return i.PID
		}
	}
	return 0
}

// settling is how long the suite waits for what needs but a moment, on a machine
// that is very busy.
const settling = 10 * time.Second

// grace is how much later than the contract says something may happen on a machine
// that is very busy: what never happens is found all the same. Who needs more
// gives calls more time.
func (t *T) grace() time.Duration { return max(5*time.Second, t.subject.Limit/2) }

// kill kills the provider's process as the out-of-memory killer would, and waits
// for the end of what it had asked its backend for.
func (t *T) kill(h *host.Host) {
	pid := t.pid(h)
	if pid == 0 {
		t.Logf("the provider does not run, so it cannot be killed")
		return
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the suite cannot kill the provider: %v", err)
	}
	t.eventually(settling, func() bool { return isZombie(filepath.Join("/proc", strconv.Itoa(pid))) })
	t.settle()
}

// sleep waits, shorter when the check is interrupted.
func (t *T) sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
}

// eventually asks until the answer is yes or the time is over.
func (t *T) eventually(limit time.Duration, ok func() bool) bool {
	end := time.Now().Add(limit)
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		if ok() {
			return true
		}
		if time.Now().After(end) || t.Context().Err() != nil {
			return false
		}
		t.sleep(pause)
	}
}

// onlyState fails if anything was written beside the state directory.
func (t *T) onlyState() {
	entries, err := os.ReadDir(t.parent)
	if err != nil {
		t.Fatalf("the suite cannot read its own directory: %v", err)
	}
	mine, _ := os.ReadDir(t.state())
	if !slices.ContainsFunc(mine, func(e os.DirEntry) bool { return e.Name() == t.key() }) {
		mine = nil // a host has started none here; what the suite starts itself has all of it
	}
	for _, e := range mine {
		if _, err := strconv.Atoi(e.Name()); err != nil && e.Name() != t.key() && e.Name() != "workspace" { // numbers are lanes; the suite makes runners a workspace
			t.Report(Finding{
				Did:  "look beside the directory that the provider was given (Settings.StateDir)",
				Got:  "it wrote " + filepath.Join(t.state(), e.Name()),
				Want: "Settings.StateDir is this provider's alone, and nothing is written outside of it.",
				Mend: "never make a path of a name or a token as it stands: use a hash of it as the file name",
			})
		}
	}
	for _, e := range entries {
		if e.Name() != "state" {
			t.Report(Finding{
				Did:  "look beside the directory that the provider was given (Settings.StateDir)",
				Got:  "it wrote " + filepath.Join(t.parent, e.Name()),
				Want: "Settings.StateDir is this provider's alone, and nothing is written outside of it.",
				Mend: "never make a path of a name or a token as it stands: use a hash of it as the file name",
			})
		}
	}
}

// points are n moments from 0 to the end of something that takes d, denser at its
// start, where things are made.
func points(n int, d time.Duration) []time.Duration {
	list := make([]time.Duration, n)
	for i := range list {
		f := float64(i) / float64(n-1)
		list[i] = time.Duration(f * (0.35 + 0.65*f) * float64(d) * 1.1)
	}
	return list
}

// hostile are names that look for a file system, a shell, a parser or a
// terminal to break.
func hostile() []string {
	return []string{
		"..", "../escape", "../../escape", "../../../escape", "../../../../escape", "../../../../../escape", "/etc/passwd", "a/b", ".", "-rf", "--help", "a b", " a", "a ", "a'b\"c", "$(touch escape)", "`id`", "a;b", "a|b", "a&b=c",
		"%s%n", "%2e%2e%2f", "{{.}}", "${HOME}", "*", "~", "?", "a:b", "a,b=c", "<b>", "\\", "nul\x00byte", "line\nbreak", "tab\tbed", "\x1b[2J", "\xff\xfe",
		"ünïcödé", "u\u0308", "日本", "🚀", "A", "# wright:other", "null", "true", "0", "1e3",
		strings.Repeat("x", 255), strings.Repeat("é", 300), strings.Repeat("x", plugins.MaxText), strings.Repeat("y", 4096), strings.Repeat("../", 100), "CON", "a\u202eb", "\u200b",
	}
}

// lookAlikes are pairs of tokens that careless handling takes for one.
func (t *T) lookAlikes() [][2]string {
	return [][2]string{
		{t.token("Case"), t.token("case")}, {t.token("a b"), t.token("a-b")}, {t.token("a/b"), t.token("a_b")},
		{t.token("long") + strings.Repeat("x", 300) + "1", t.token("long") + strings.Repeat("x", 300) + "2"}, {t.token("ä"), t.token("a\u0308")},
		{t.token("end"), t.token("end") + " "}, {t.token("begin"), " " + t.token("begin")}, {t.token("more"), t.token("more") + ".1"},
	}
}

// tagNames are names of tags that a provider may take for its own, hide, or mix up.
func tagNames() []string {
	return []string{
		".hidden", "_hidden", "wright-token", "wright-name", "wright-created", "wright-installation-of", "Wright-Installation", "WRIGHT-INSTALLATION", "wright_installation",
		"token", "name", "id", "CAPITALS",
	}
}

// refused says whether an error is a proper refusal of a hostile name.
func refused(err error) bool {
	c := plugins.CodeOf(err)
	return c == plugins.Invalid || c == plugins.Unsupported
}

// namesField fails the check when what was refused as invalid does not say which field
// it is; field is how its path begins, empty if any will do.
func (t *T) namesField(did, field string, err error) {
	e, ok := asError(err)
	if !ok || e.Code != plugins.Invalid || e.Field != "" && strings.HasPrefix(e.Field, field) {
		return
	}
	got := "no path of the field"
	if e.Field != "" {
		got = fmt.Sprintf("the path %q of the field, it must begin with %q", e.Field, field)
	}
	t.Report(Finding{
		Did: did, Got: answer(nil, err) + ", with " + got, Want: "An error that is invalid has in Error.Field the path of what can never work.",
		Mend: "name the field, with plugins.Invalidf(\"FIELD\", …) in the place of Errorf; elements of a list in a message count from 0, \"records[0].value\"",
	})
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
