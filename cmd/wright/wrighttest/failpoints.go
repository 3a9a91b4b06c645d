package wrighttest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Failpoint is a place in the code that a comment of gofail names: a deed is done
// there and not yet written down, or the other way round.
type Failpoint struct {
	Name string
	File string // from the root of the repository
	Line int

	number int // among all, from 0
}

// failpointForm is how a failpoint is written. One at which somebody can be killed
// has no value.
var failpointForm = regexp.MustCompile(`^\t+// gofail: var ([a-z][A-Za-z]*) (struct\{\}|string)$`)

const failpointMark = "// gofail:"

// Failpoints finds those below a directory at which a process can be killed, and
// says what is wrong with comments that gofail would not understand, or not as
// they are meant.
func Failpoints(root string) (all []Failpoint, wrong []string, err error) {
	f := finder{seen: map[string]bool{}}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(text, []byte(failpointMark)) {
			return err
		}
		file, err := filepath.Rel(root, path)
		f.look(file, strings.Split(string(text), "\n"))
		return err
	})
	return f.all, f.wrong, err
}

// finder finds failpoints in one file after the other.
type finder struct {
	seen  map[string]bool
	all   []Failpoint
	wrong []string
}

func (f *finder) look(file string, lines []string) {
	if !slices.Contains(lines, "package "+filepath.Base(filepath.Dir(file))) {
		f.wrong = append(f.wrong, file+": gofail takes the directory's name for the package's")
	}
	for i, line := range lines {
		if !strings.HasPrefix(strings.TrimSpace(line), failpointMark) {
			continue
		}
		m := failpointForm.FindStringSubmatch(line)
		if why := f.fault(m, lines[i+1]); why != "" {
			f.wrong = append(f.wrong, fmt.Sprintf("%s:%d: %s", file, i+1, why))
			continue
		}
		if f.seen[m[1]] = true; m[2] == "struct{}" {
			f.all = append(f.all, Failpoint{m[1], file, i + 1, len(f.all)})
		}
	}
}

// fault is what is wrong with a failpoint, "" for nothing.
func (f *finder) fault(m []string, below string) string {
	switch {
	case m == nil:
		return "no failpoint reads so"
	case f.seen[m[1]]:
		return "another failpoint has this name"
	case m[2] == "struct{}" && strings.HasPrefix(strings.TrimSpace(below), "//"):
		return "gofail takes the comment below for code"
	}
	return ""
}

// failing are the programs with failpoints, and these.
type failing struct {
	bin string
	all []Failpoint
}

// withFailpoints builds the programs once from a copy of the working tree in
// which failpoints are code.
var withFailpoints = sync.OnceValues(func() (failing, error) {
	text, err := exec.Command("git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		return failing{}, fmt.Errorf("find the repository: %w", err)
	}
	root := strings.TrimSpace(string(text))
	source, bin := filepath.Join(builtDir(), "failing-source"), filepath.Join(builtDir(), "failing")
	if err := errors.Join(copyTree(root, source), os.MkdirAll(filepath.Join(bin, "plugins"), 0o700)); err != nil {
		return failing{}, fmt.Errorf("copy the working tree: %w", err)
	}
	all, wrong, err := Failpoints(source)
	if err != nil || len(wrong) > 0 {
		return failing{}, errors.Join(fmt.Errorf("failpoints that gofail does not understand: %q", wrong), err)
	}
	if err := enable(root, source, all); err != nil {
		return failing{}, err
	}
	err = errors.Join(buildIn(source, bin, "./cmd/wright"), buildIn(source, filepath.Join(bin, "plugins"), providers("./")...))
	return failing{bin, all}, errors.Join(err, os.RemoveAll(source))
})

// copyTree copies the files that git knows, as they are in the working tree, but
// for what tests need.
func copyTree(from, to string) error {
	list, err := exec.Command("git", "-C", from, "ls-files", "-z", "--cached").Output()
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(list), "\x00"), "\x00") {
		if strings.Contains("/"+name, "/testdata/") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(from, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed, and not committed yet
		}
		target := filepath.Join(to, name)
		if err = errors.Join(err, os.MkdirAll(filepath.Dir(target), 0o700)); err == nil {
			err = os.WriteFile(target, text, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// enable has gofail, as .ci pins it, make code of the comments in a copy, which
// needs gofail's runtime from then on.
func enable(root, source string, all []Failpoint) error {
	pin := "-modfile=" + filepath.Join(root, ".ci", "failpoints.mod")
	var files []string
	for _, p := range all {
		files = append(files, filepath.Join(source, p.File))
	}
	if err := run(root, "go", append([]string{"tool", pin, "gofail", "enable"}, slices.Compact(files)...)...); err != nil {
		return err
	}
	const runtime = "go.etcd.io/gofail"
	version, err := exec.Command("go", "-C", root, "list", pin, "-m", "-f", "{{.Version}}", runtime).Output()
	if err != nil {
		return fmt.Errorf("ask which gofail is pinned: %w", err)
	}
	sums, err := os.ReadFile(filepath.Join(root, ".ci", "failpoints.sum"))
	if err != nil {
		return err
	}
	ours, err := os.OpenFile(filepath.Join(source, "go.sum"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = ours.Write(sums)
	return errors.Join(err, ours.Close(), run(source, "go", "mod", "edit", "-require="+runtime+"@"+strings.TrimSpace(string(version))))
}

func buildIn(source, to string, packages ...string) error {
	return run(source, "go", append([]string{"build", "-mod=mod", "-trimpath", "-o", to + string(filepath.Separator)}, packages...)...)
}

func run(dir, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// WithFailpoints builds programs with failpoints, and lists these.
func WithFailpoints(t testing.TB) []Failpoint {
	t.Helper()
	f, err := withFailpoints()
	if err != nil {
		t.Fatal(err)
	}
	return f.all
}

// NewWithFailpoints is New, but for an installation of those programs.
func NewWithFailpoints(t testing.TB) *House {
	t.Helper()
	WithFailpoints(t)
	f, _ := withFailpoints() // they are built
	h := empty(t)
	h.release = f.bin
	return h
}

// Trap is a failpoint that is set in one process: who comes there as the n-th
// stays there, as good as dead, until the process is killed.
type Trap struct {
	point   string
	pass    int
	address string // where the process tells of its failpoints
}

// term is what gofail is told: to stay for longer than a test lasts.
func (t *Trap) term() string {
	const stay = "1*sleep(3600000)"
	if t.pass > 1 {
		return fmt.Sprintf("%d*off->%s", t.pass-1, stay)
	}
	return stay
}

// NewTrap makes one for a process that is still to be started: by WithTrap, or
// told its Address and trapped by Set. The addresses are such that nobody else
// takes until it has started: each process of each failpoint has its own.
func (h *House) NewTrap(p Failpoint, pass, process int) *Trap {
	h.t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", 64+p.number/250, 1+p.number%250, 1+process))
	if err != nil {
		h.t.Fatal(err)
	}
	defer l.Close()
	return &Trap{p.Name, pass, l.Addr().String()}
}

// WithTrap has start start a process with a trap in it from its first moment on,
// and with more settings for gofail.
func (h *House) WithTrap(t *Trap, more string, start func() *Process) *Process {
	h.failpoints = []string{"GOFAIL_HTTP=" + t.address, "GOFAIL_FAILPOINTS=" + t.point + "=" + t.term() + more}
	defer func() { h.failpoints = nil }()
	return start()
}

// Address is where gofail listens in the process.
func (t *Trap) Address() string { return t.address }

// Set sets the trap, if it is not.
func (t *Trap) Set() {
	if status, _ := t.ask(http.MethodGet, "/count", ""); status == http.StatusInternalServerError {
		_, _ = t.ask(http.MethodPut, "", t.term()) // set again until it is
	}
}

// Unset takes the trap away.
func (t *Trap) Unset() { _, _ = t.ask(http.MethodDelete, "", "") }

// Sprung says whether somebody is in it.
func (t *Trap) Sprung() bool {
	status, text := t.ask(http.MethodGet, "/count", "")
	passed, err := strconv.Atoi(text)
	return status == http.StatusOK && err == nil && passed >= t.pass
}

func (t *Trap) ask(method, what, body string) (status int, text string) {
	c := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	req, err := http.NewRequest(method, "http://"+t.address+"/"+t.point+what, strings.NewReader(body))
	if err != nil {
		return 0, ""
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, "" // it has not begun, or has ended
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, 100))
	if err != nil {
		return 0, ""
	}
	return resp.StatusCode, string(said)
}

// KillSupervisors kills the supervisors of all agents, and them alone.
func (h *House) KillSupervisors() {
	for _, pid := range h.Processes() {
		if strings.Contains(CommandLine(pid), "internal-supervise") {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
