package dispatch_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/wright-build/wright/master/state"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// bogus is a watch file that must be refused, and a part of the reason.
type bogus struct {
	name, file, want string
}

// entry is one watch with these lines, after a good one.
func entry(lines ...string) string {
	return string(list("good")) + "[[watch]]\n" + strings.Join(lines, "\n") + "\n"
}

func onHost(host string) string { return entry(`git = "https://` + host + `/x.git"`) }

func bogusReports() []bogus {
	return []bogus{
		{"no TOML", "[[watch", "watch.toml:1:7: expected"},
		{"another language", "<html>\n", "watch.toml:1:1"},
		{"JSON", `{"watch": []}`, "watch.toml:1:1"},
		{"binary", "\x7fELF\x02\x01\x01\x00", "watch.toml:1:1: TOML files cannot contain control characters"},
		{"not a list", "watch = 7", "watch: want an array of tables, got an integer"},
		{"a list of numbers", "watch = [7]", "watch: want tables, got an integer"},
		{"a number as URL", entry("git = 7"), "git: want a string, got an integer"},
		{"a table as URL", entry(`git = { url = "https://h.test/x" }`), "git: want a string, got a table"},
		{"a list as branch", entry(`git = "https://h.test/x"`, `branch = ["main"]`), "branch: want a string, got an array"},
		{"no URL", entry(`branch = "main"`), "git is missing"},
		{"two systems", entry(`git = "https://h.test/x"`, `hg = "https://h.test/x"`), "exclude each other"},
		{"two refs", entry(`git = "https://h.test/x"`, `branch = "a"`, `tag = "b"`), "exclude each other"},
		{"an unknown key", entry(`git = "https://h.test/x"`, "x = 1"), `unknown key "x"`},
		{"a manifest", "[source]\ngit = \"https://h.test/x\"\n", `unknown key "source"`},
		{"no whole revision", entry(`git = "https://h.test/x"`, `revision = "main"`), "no whole commit ID"},
		{"one too many", many(10_001, "[[watch]]\ngit='h:%d'\n"), "10000"},
		{"one too many inline", "watch = [" + many(10_001, "{git='h:%d'},") + "]", "10000"},
		{"the same twice", entry(`git = "https://H.test/good"`, `branch = "main"`), "the same watch again"},
		{"a key twice", entry(`git = "https://h.test/x"`, `git = "https://h.test/y"`), "watch.toml:7:1"},
		{"too large", string(list("good")) + "#" + strings.Repeat("x", 300<<10), "more than 262144 bytes"},
		{"as large as the agent sends", strings.Repeat("x", 1<<20), "more than 262144 bytes"},

		{"a transport of git's that runs commands", entry(`git = "ext::sh -c date% >&2"`), "remote helpers are not allowed"},
		{"another transport of git's", entry(`git = "fd::17"`), "remote helpers are not allowed"},
		{"an option", entry(`git = "--upload-pack=date"`), "begins with -"},
		{"an option as host", entry(`git = "ssh://-oProxyCommand=date/x"`), "begins with -"},
		{"an option as ref", entry(`git = "https://h.test/x"`, `ref = "--upload-pack=date"`), "--upload-pack"},
		{"an option as branch", entry(`git = "https://h.test/x"`, `branch = "-x"`), "-x"},
		{"a file URL", entry(`git = "file:///etc"`), "a local path is not watched"},
		{"a local path", entry(`git = "/etc"`), "a local path is not watched"},
		{"a relative path", entry(`git = "../x"`), "neither a URL nor an absolute path"},
		{"dots on the way", entry(`git = "https://h.test/a/../../etc"`), ".."},
		{"dots written otherwise", entry(`git = "https://h.test/a/%2e%2e/b"`), `the path holds ".."`},
		{"dots in a ref", entry(`git = "https://h.test/x"`, `ref = "refs/heads/../../config"`), ".."},
		{"a password", entry(`git = "https://ann:hunter2@h.test/x"`), "password"},
		{"a query", entry(`git = "https://h.test/x?a=b"`), "has a query"},
		{"another scheme", entry(`git = "gopher://h.test/x"`), "gopher"},

		{"a line feed in a URL", entry(`git = "https://h.test/x\nHost: y"`), "control or invisible"},
		{"a carriage return in a URL", entry(`git = "https://h.test/x\r\nHost: y"`), "control or invisible"},
		{"a NUL in a URL", entry(`git = "https://h.test/x\u0000y"`), "control or invisible"},
		{"a NUL itself", entry("git = \"https://h.test/x\x00y\""), "watch.toml:6"},
		{"right to left in a URL", entry(`git = "https://h.test/` + "\u202e" + `gpj.x"`), "control or invisible"},
		{"right to left in a branch", entry(`git = "https://h.test/x"`, `branch = "a`+"\u2067"+`b"`), "control or invisible"},
		{"a line feed in a branch", entry(`git = "https://h.test/x"`, `branch = "a\nb"`), "control or invisible"},
		{"an escape in a place", entry(`git = "https://h.test/x"`, `from = "\u001b[2J:1"`), "visible bytes"},
		{"a long place", entry(`git = "https://h.test/x"`, `from = "`+strings.Repeat("x", 301)+`"`), "300 visible bytes"},
		{"a million characters in a ref", entry(`git = "https://h.test/x"`, `ref = "refs/heads/`+strings.Repeat("a", 1_000_000)+`"`), "more than 262144 bytes"},
		{"a ref that just fits in", entry(`git = "https://h.test/x"`, `ref = "refs/heads/`+strings.Repeat("a", 250_000)+`"`), "longer than"},
		{"a long URL", entry(`git = "https://h.test/` + strings.Repeat("a", 250_000) + `"`), "longer than"},

		{"the metadata address", onHost("169.254.169.254"), "never asked"},
		{"the metadata address in IPv6", onHost("[fd00:ec2::254]"), "never asked"},
		{"the metadata address within IPv6", onHost("[::ffff:169.254.169.254]"), "never asked"},
		{"the metadata address translated", onHost("[64:ff9b::a9fe:a9fe]"), "never asked"},
		{"the metadata address as a number", onHost("2852039166"), "as it is written today"},
		{"the metadata address in hexadecimal", onHost("0xa9.0xfe.0xa9.0xfe"), "as it is written today"},
		{"another cloud's", onHost("100.100.100.200"), "never asked"},
		{"no address", onHost("0.0.0.0"), "never asked"},
		{"everybody", onHost("224.0.0.1"), "never asked"},
		{"link-local", onHost("[fe80::1]"), "never asked"},
		{"this machine", onHost("127.0.0.1:8080"), "hosts.loopback"},
		{"this machine by name", onHost("localhost."), "hosts.loopback"},
		{"this machine in IPv6", entry(`git = "ssh://git@[::1]:22/x"`), "hosts.loopback"},
		{"this machine in scp's form", entry(`git = "git@localhost:x"`), "hosts.loopback"},
		{"this machine for Mercurial", entry(`hg = "http://127.0.0.1/x"`), "hosts.loopback"},

		{"deep arrays", "x = " + strings.Repeat("[", 100_000), "watch.toml:1"},
		{"deep tables", "x = " + strings.Repeat("{a=", 60_000), "watch.toml:1"},
		{"a deep key", strings.Repeat("a.", 100_000) + "a = 1", "watch.toml:1"},
		{"enormous numbers of keys", "[[watch]]\n" + many(20_000, "k%d = 1\n"), "unknown key"},
		{"enormous numbers of tables", many(15_000, "[t%d]\n"), "unknown key"},
		{"a byte order mark", "\ufeff" + string(list("good")), "byte order mark"},
		{"UTF-16", utf16(list("good")), "UTF-16"},
		{"UTF-16 without a mark", utf16(list("good"))[2:], "UTF-16"},
		{"not UTF-8", string(list("good")) + "# \xff\xfe", "0xff is not UTF-8"},
		{"half a character", entry("git = \"https://h.test/\xe2\x80\""), "not UTF-8"},
	}
}

func many(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func utf16(text []byte) string {
	out := []byte{0xff, 0xfe}
	for _, c := range text {
		out = append(out, c, 0)
	}
	return string(out)
}

// TestBogusReports: each is refused whole and soon, with a reason, kept aside
// and shown at the instance, and changes nothing of what is watched.
func TestBogusReports(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", sourced)
	a := h.connect("one", 9)
	w := a.begin(1)
	a.accepted(w, false, "a")
	before := h.reported()
	for _, c := range bogusReports() {
		t.Run(c.name, func(t *testing.T) {
			begun := time.Now()
			v := a.report(w, true, []byte(c.file))
			if took := time.Since(begun); took > 30*time.Second {
				t.Errorf("the verdict took %s", took)
			}
			if v.GetAccepted() || !strings.Contains(v.GetReason(), c.want) || len(v.GetReason()) > 5000 {
				t.Errorf("verdict %.500q, want %q in it", v.GetReason(), c.want)
			}
			r := h.refused(w.GetBuild())
			if r.Reason != v.GetReason() || strings.ContainsAny(r.Reason, "\r\x00\x1b\u202e") {
				t.Errorf("shown is %.500q, said was %.500q", r.Reason, v.GetReason())
			}
			if kept, err := os.ReadFile(r.Kept); err != nil || !bytes.Equal(kept, []byte(c.file)) {
				t.Errorf("kept are %d bytes of %d, %v", len(kept), len(c.file), err)
			}
			if now := h.reported(); now.Rev != before.Rev {
				t.Errorf("the report changed: %+v", now)
			}
		})
	}
	h.watched("a") // the last good list stays
	a.accepted(w, true, "a", "b")
	h.refused("")
}

func (h *house) reported() (r *state.Report) {
	h.store.Read(func(f *state.Facts) { r = f.Reports["shop"] })
	return r
}

// Nothing that an agent of ours sends is so large: what does is cut off at the
// wire, and the build's next word is heard as ever.
func TestReportsBeyondTheWire(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", sourced)
	a := h.connect("one", 1)
	w := a.begin(1)
	_, err := h.api().ReportWatches(t.Context(), &agentv1.WatchReport{
		Build: w.GetBuild(), Attempt: 1, Agent: "one", File: make([]byte, 100<<20),
	})
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a file of 100 MiB: %v", err)
	}
	a.accepted(w, true, "a")
	h.watched("a")
}

func TestEmptyReportsAreGood(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", sourced)
	a := h.connect("one", 1)
	w := a.begin(1)
	for _, text := range []string{"", "\n", "# nothing\n", "watch = []\n"} {
		if v := a.report(w, true, []byte(text)); !v.GetAccepted() {
			t.Errorf("%q: %s", text, v.GetReason())
		}
	}
}
