package suite

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/runner"
)

func runnerLife(b *runnerBench) {
	before := time.Now()
	s := runner.Spec{Token: b.T.token("life"), Workspace: b.workspace(), Tags: b.withTag("color", "red"), Config: b.subject.Config}
	made, err := b.p.Create(b.call(), s)
	if err != nil {
		b.Report(Finding{Did: "Create", Got: answer(nil, err)})
		return
	}
	if made.Token != s.Token || !maps.Equal(made.Tags, s.Tags) {
		b.Report(Finding{Did: fmt.Sprintf("Create %q with the tags %v", s.Token, s.Tags), Got: fmt.Sprintf("the token %q and the tags %v", made.Token, made.Tags)})
	}
	if d := made.CreatedAt.Sub(before); d < -time.Minute || d > time.Minute+b.subject.Limit {
		b.Report(Finding{Did: "Create", Got: fmt.Sprintf("it was created at %v, asked for was at %v", made.CreatedAt, before), Mend: "keep the time of the first Create, in UTC"})
	}
}

// texts are what is hostile and can be an argument or a variable.
func texts() []string {
	list := []string{"", " ", "a  b", "line\nbreak\n", "\t", "'", `"`, `\`, `a'b"c\d`, "$HOME", "${HOME}", "$(id)", "!!", "a=b", "--", "-n", "end\\"}
	for _, h := range hostile() {
		if utf8.ValidString(h) && !strings.ContainsRune(h, 0) {
			list = append(list, h)
		}
	}
	return list
}

func runnerArguments(b *runnerBench) {
	const each = `for a in "$@"; do printf '%s\0' "$a"; done`
	for _, text := range texts() {
		b.prints(fmt.Sprintf("a command with the arguments \"first\", %.60q, \"last\"", text), b.script(each, "first", text, "last"), "first\x00"+text+"\x00last\x00")
		if b.Failed() {
			return
		}
	}
	b.prints("a command with many arguments", b.script(each, texts()...), strings.Join(texts(), "\x00")+"\x00")
	long := strings.Repeat("0123456789abcdef", 6000)
	b.prints("a command with an argument of 96,000 bytes", b.script(each, long), long+"\x00")
	several := slices.Repeat([]string{"an argument"}, 5000)
	b.prints("a command with 5,000 arguments", b.script(`printf %s $#`, several...), "5000")
}

func runnerEnvironment(b *runnerBench) {
	c := b.script("env -0")
	want := map[string]string{"PATH": c.Env["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8"}
	for i, text := range texts() {
		want[fmt.Sprintf("TEXT_%d", i)] = text
	}
	c.Env = want
	p := b.run("env -0 with many variables", c)
	got := map[string]string{}
	for kv := range strings.SplitSeq(p.stdout.String(), "\x00") {
		k, v, _ := strings.Cut(kv, "=")
		got[k] = v
	}
	for _, k := range sortedKeys(want) {
		if v, ok := got[k]; !ok || v != want[k] {
			b.Report(Finding{Did: fmt.Sprintf("run env with the variable %s=%.60q", k, want[k]), Got: fmt.Sprintf("there: %t, its value is %.60q", ok, v)})
			return
		}
	}
	for _, k := range sortedKeys(got) {
		if strings.HasPrefix(k, "PLUGIN_") || k == plugins.CookieKey {
			b.Report(Finding{Did: "run env", Got: fmt.Sprintf("the variable %s, which is the provider's own", k)})
		}
	}
}

func runnerDirectory(b *runnerBench) {
	for _, name := range []string{".", "sub", "with blank", "ünïcödé", "a'b\"c", "$HOME", "-n"} {
		dir := filepath.Join(b.workspace(), name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			b.Fatalf("the suite cannot make a directory: %v", err)
		}
		c := b.script("echo here > mark && cat mark")
		c.Dir = dir
		b.prints(fmt.Sprintf("a command that writes a file, in the directory %q", dir), c, "here\n")
		mark := filepath.Join(dir, "mark")
		if _, err := os.Stat(mark); err != nil {
			b.Report(Finding{Did: fmt.Sprintf("run a command that writes a file, in the directory %q", dir), Got: "the file is not there: " + err.Error()})
			return
		}
		_ = os.Remove(mark)
	}
}

func runnerStatus(b *runnerBench) {
	for _, status := range []int{0, 1, 2, 3, 77, 126, 254, 255} {
		p := b.run("exit", b.script(fmt.Sprintf("exit %d", status)))
		if p.status() != status {
			b.Report(Finding{Did: fmt.Sprintf("run exit %d", status), Got: fmt.Sprintf("the status %d", p.status())})
		}
	}
	if p := b.run("a command that kills itself", b.script("kill -9 $$")); p.status() == 0 {
		b.Report(Finding{Did: "run a command that dies of SIGKILL", Got: "the status 0: success"})
	}
	c := b.script("")
	c.Args = []string{"/nonexistent/program"}
	w, err := b.p.Command(b.call(), b.token, c)
	if err == nil && w.Args[0] != c.Args[0] {
		if p := b.run("a program that there is not", c); p.status() == 0 {
			b.Report(Finding{Did: "run a program that there is not", Got: "the status 0: success"})
		}
	}
}

func runnerOutput(b *runnerBench) {
	b.prints("a command whose output does not end a line", b.script("printf 'no end'"), "no end")
	b.prints("a command with binary output", b.script(`printf '\000\001\377\033[31m\r\n'`), "\x00\x01\xff\x1b[31m\r\n")
	const size = 10 << 20
	p := b.run("a command with much output", b.script("yes 0123456789abcde | head -c 10485760; yes fedcba9876543210 | head -c 10485760 >&2"))
	did := fmt.Sprintf("run a command that prints %d bytes, and as many as errors", size)
	if n := p.stdout.Len(); n != size {
		b.Report(Finding{Did: did, Got: fmt.Sprintf("%d bytes of output", n)})
	}
	if n := p.stderr.Len(); n != size {
		b.Report(Finding{Did: did, Got: fmt.Sprintf("%d bytes of errors", n)})
	}
	p = b.run("a command that prints and complains", b.script("echo out; echo err >&2; echo out"))
	if p.stdout.String() != "out\nout\n" || p.stderr.String() != "err\n" {
		b.Report(Finding{Did: "run echo out; echo err >&2; echo out", Got: fmt.Sprintf("output %q, errors %q", p.stdout.String(), p.stderr.String())})
	}
}

func runnerInput(b *runnerBench) {
	p := b.begin(b.token, b.script("cat | wc -c"))
	if !p.ends(b.patience()) {
		b.Report(Finding{Did: "run a command that reads its input to the end", Got: "it waits for ever: the input has no end"})
		return
	}
	if got := strings.TrimSpace(p.stdout.String()); got != "0" {
		b.Report(Finding{Did: "run a command that counts the bytes of its input", Got: got + " bytes"})
	}
}

// beat is a script that shows in a file that it runs. It ends with the workspace.
func beat(file string) string {
	return fmt.Sprintf(`n=0; while echo x 2>/dev/null >> %s && [ $n -lt 3000 ]; do n=$((n+1)); sleep 0.02; done`, file)
}

func (b *runnerBench) beats(file string) int64 {
	info, err := os.Stat(filepath.Join(b.workspace(), file))
	if err != nil {
		return 0
	}
	return info.Size()
}

// alive says whether what beats in a file does so within a time.
func (b *runnerBench) alive(file string, limit time.Duration) bool {
	before := b.beats(file)
	return b.eventually(limit, func() bool { return b.beats(file) > before+1 })
}

// goOn gives those of the files in which something still beats after a moment.
func (b *runnerBench) goOn(files ...string) []string {
	before := map[string]int64{}
	for _, f := range files {
		before[f] = b.beats(f)
	}
	b.sleep(700 * time.Millisecond) // a busy machine makes a beat late
	return slices.DeleteFunc(files, func(f string) bool { return b.beats(f) <= before[f]+1 })
}

// patience is how long something may take that takes no time.
func (b *runnerBench) patience() time.Duration {
	return max(5*time.Second, min(b.grace(), b.subject.Limit))
}

// awaitBeat fails the check when something does not start.
func (b *runnerBench) awaitBeat(file, did string) {
	if !b.alive(file, b.grace()) {
		b.Report(Finding{Did: did, Got: "it does not run: it wrote nothing into its directory, the workspace", Want: runnerCommandDoc})
		b.stopNow()
	}
}

func runnerKilled(b *runnerBench) {
	for _, s := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		file := fmt.Sprintf("killed%d", s)
		p := b.begin(b.token, b.script(beat(file)+" & "+beat(file)+"; wait"))
		b.awaitBeat(file, "run a command that writes now and then")
		p.signal(s)
		did := fmt.Sprintf("run a command, then send %v to the process group of what Command gave", s)
		if !p.ends(b.patience()) {
			b.Report(Finding{Did: did, Got: fmt.Sprintf("it still runs after %v", b.patience())})
			return
		}
		if len(b.goOn(file)) > 0 {
			b.Report(Finding{Did: did, Got: "what ran inside goes on"})
		}
		if p.status() == 0 {
			b.Report(Finding{Did: did, Got: "the status 0: success"})
		}
	}
}

func runnerParallel(b *runnerBench) {
	first := b.begin(b.token, b.script("touch begun; n=0; until [ -e go ]; do n=$((n+1)); [ $n -gt 3000 ] && exit 9; sleep 0.02; done; echo went"))
	b.eventually(b.grace(), func() bool { return b.exists("begun") })
	second := b.begin(b.token, b.script("touch go"))
	if !second.ends(b.patience()) || !first.ends(b.grace()) || first.status() != 0 {
		b.Report(Finding{Did: "run two commands in a sandbox at once, of which the first waits for the second", Got: "the second did not run while the first did"})
		return
	}
	const n = 12
	var all [n]*process
	for i := range n {
		all[i] = b.begin(b.token, b.script(fmt.Sprintf("for i in 1 2 3 4 5 6 7 8 9; do echo %d; done; exit %d", i, i)))
	}
	for i, p := range all {
		want := strings.Repeat(fmt.Sprintf("%d\n", i), 9)
		if !p.ends(b.grace()) || p.status() != i || p.stdout.String() != want {
			b.Report(Finding{Did: fmt.Sprintf("run %d commands at once", n), Got: fmt.Sprintf("number %d ended with status %d and the output %q", i, p.status(), short(p.stdout.String()))})
			return
		}
	}
}

func runnerOutlives(b *runnerBench) {
	p := b.begin(b.token, b.script("touch begun; n=0; until [ -e end ]; do n=$((n+1)); [ $n -gt 3000 ] && exit 9; sleep 0.02; done; echo done; exit 5"))
	began := b.eventually(b.grace(), func() bool { return b.exists("begun") })
	b.kill(b.host)
	b.close(b.host)
	if err := os.WriteFile(filepath.Join(b.workspace(), "end"), nil, 0o600); err != nil {
		b.Fatalf("the suite cannot write into the workspace: %v", err)
	}
	if !began || !p.ends(b.grace()) || p.status() != 5 || p.stdout.String() != "done\n" {
		b.Report(Finding{Did: "run a command, kill the provider, wait for the command", Got: fmt.Sprintf("began: %t, status %d, output %q", began, p.status(), short(p.stdout.String()))})
	}
	b.host, b.m = b.start()
	b.p = b.m.(patientMaker).maker.(runnerMaker).p
	b.prints("a command in the same sandbox after the provider was started again", b.script("echo again"), "again\n")
}

func (b *runnerBench) exists(file string) bool {
	_, err := os.Stat(filepath.Join(b.workspace(), file))
	return err == nil
}

func runnerMissing(b *runnerBench) {
	c := b.script("true")
	if _, err := b.p.Command(b.call(), b.T.token("never"), c); plugins.CodeOf(err) != plugins.NotFound {
		b.Report(Finding{Did: "Command with a token of no sandbox", Got: answer("no error", err), Want: "plugins.NotFound when there is no such sandbox."})
	}
	b.drop(b.m, b.token, nil)
	if _, err := b.p.Command(b.call(), b.token, c); plugins.CodeOf(err) != plugins.NotFound {
		b.Report(Finding{Did: "Create, Delete, then Command with its token", Got: answer("no error", err), Want: "plugins.NotFound when there is no such sandbox."})
	}
}

func runnerWorkspace(b *runnerBench) {
	file := filepath.Join(b.workspace(), "from the host")
	if err := os.WriteFile(file, []byte("#!/bin/sh\necho runs\n"), 0o755); err != nil {
		b.Fatalf("the suite cannot write into the workspace: %v", err)
	}
	c := b.script("")
	c.Args = []string{"/bin/sh", "-c", `cat "from the host" && exec "./from the host"`}
	b.prints("a command that reads and runs a file of the host", c, "#!/bin/sh\necho runs\nruns\n")
	p := b.begin(b.token, b.script(`echo inside > made; rm "from the host"; mkdir -p deep/er && echo x > deep/er/file; until [ -e later ]; do sleep 0.02; done; cat later`))
	if !b.eventually(b.patience(), func() bool { return b.exists("deep/er/file") && !b.exists("from the host") }) {
		b.Report(Finding{Did: "run a command that makes files, and look for them on the host while it runs", Got: "they are not there, or what it deleted still is"})
		return
	}
	if err := os.WriteFile(filepath.Join(b.workspace(), "later.new"), []byte("from outside"), 0o600); err != nil {
		b.Fatalf("the suite cannot write into the workspace: %v", err)
	}
	_ = os.Rename(filepath.Join(b.workspace(), "later.new"), filepath.Join(b.workspace(), "later"))
	if !p.ends(b.grace()) || p.stdout.String() != "from outside" {
		b.Report(Finding{Did: "make a file in the workspace on the host while a command waits for it", Got: fmt.Sprintf("the command does not see it: status %d, output %q", p.status(), p.stdout.String())})
	}
	b.drop(b.m, b.token, nil)
	if text, err := os.ReadFile(filepath.Join(b.workspace(), "made")); err != nil || string(text) != "inside\n" {
		b.Report(Finding{Did: "run a command that makes a file, Delete the sandbox, read the file on the host", Got: fmt.Sprintf("%q, %v", text, err)})
	}
}

func runnerDelete(b *runnerBench) {
	const aside = " < /dev/null > /dev/null 2>&1 & "
	daemon := "setsid /bin/sh -c '" + beat("daemon") + "'" + aside
	deaf := `setsid /bin/sh -c 'trap "" TERM HUP INT; ` + beat("deaf") + "'" + aside
	b.run("a command that leaves daemons", b.script(daemon+deaf+"sleep 0.1"))
	b.awaitBeat("daemon", "run a command that starts a daemon (setsid … &) and ends")
	b.awaitBeat("deaf", "run a command that starts a daemon that ignores SIGTERM and ends")
	p := b.begin(b.token, b.script(beat("child")+" & "+beat("main")))
	b.awaitBeat("main", "run a command that writes now and then")
	b.drop(b.m, b.token, nil)
	did := "run a command and leave a daemon, then Delete the sandbox"
	if left := b.goOn("main", "child", "daemon", "deaf"); len(left) > 0 {
		b.Report(Finding{Did: did, Got: fmt.Sprintf("of the processes main, child, daemon and deaf (a daemon that ignores SIGTERM) there still runs after Delete has returned: %v", left)})
	}
	if !b.Failed() && !p.ends(b.patience()) {
		b.Report(Finding{Did: did, Got: fmt.Sprintf("what Command gave still runs after %v", b.patience())})
	}
}

func runnerOthers(b *runnerBench) {
	other := b.T.token("other")
	b.put(b.m, other, 1, b.ownTags())
	p := b.begin(other, b.script(beat("others")))
	b.awaitBeat("others", "run a command that writes now and then")
	b.begin(b.token, b.script(beat("own")))
	b.awaitBeat("own", "run a command that writes now and then")
	b.drop(b.m, b.token, nil)
	if !b.alive("others", b.patience()) || p.ended() {
		b.Report(Finding{Did: "run commands in two sandboxes, Delete one sandbox", Got: "what ran in the other has ended too"})
	}
	b.drop(b.m, other, nil)
	if len(b.goOn("others")) > 0 {
		b.Report(Finding{Did: "Delete the other sandbox too", Got: "what ran in it still runs"})
	}
}
