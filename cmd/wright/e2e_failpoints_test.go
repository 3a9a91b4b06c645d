package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/wright-build/wright/agent/workspace/gittest"
	"github.com/wright-build/wright/cmd/wright/wrighttest"
)

// TestKilledAtEveryFailpoint: whoever is killed at any of the seams between a deed
// and its fact, in the life of builds with all that builds can have, every build
// ends once, succeeds, is told of once, and leaves nothing behind. Each seam must
// be come to. WRIGHT_TEST_PASS=n kills who comes there as the n-th, if anybody does.
func TestKilledAtEveryFailpoint(t *testing.T) {
	if os.Getenv("WRIGHT_TEST_HEAVY") == "" {
		t.Skip("WRIGHT_TEST_HEAVY=1 kills at every seam, for minutes: make test-failpoints")
	}
	pass, err := strconv.Atoi(cmp.Or(os.Getenv("WRIGHT_TEST_PASS"), "1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range wrighttest.WithFailpoints(t) {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			newDeathbed(t, p, pass).play()
		})
	}
}

// deathbed is an installation in which one failpoint is set, in every process.
type deathbed struct {
	t      *testing.T
	h      *wrighttest.House
	point  wrighttest.Failpoint
	pass   int // who comes there as the n-th is killed
	shop   *gittest.Repo
	ledger string           // what steps wrote down when they began and ended
	config string           // of the master
	etcd   *wrighttest.Etcd // nil: the master's own

	master, agent *wrighttest.Process
	traps         map[string]*wrighttest.Trap // by process; those that nobody was in yet
	died          []string
}

func newDeathbed(t *testing.T, p wrighttest.Failpoint, pass int) *deathbed {
	h := wrighttest.NewWithFailpoints(t)
	s := &deathbed{
		t: t, h: h, point: p, pass: pass, shop: gittest.New(t), ledger: filepath.Join(h.Dir, "ledger"), config: filepath.Join(h.Dir, "master.toml"),
		traps: map[string]*wrighttest.Trap{},
	}
	for i, who := range []string{"master", "agent", "supervisor"} {
		s.traps[who] = h.NewTrap(p, pass, i)
	}
	if filepath.Dir(p.File) == "master/elect" { // nobody is elected over an etcd of one's own
		s.etcd = h.Etcd(1)
	}
	s.write()
	return s
}

// write writes what the builds need: a shop with everything, a build that loses
// its supervisor, one in a sandbox, and one that lasts until it is cancelled.
func (s *deathbed) write() {
	counted := func(what string) string {
		return fmt.Sprintf("echo $WRIGHT_BUILD $WRIGHT_ATTEMPT begin >> '%[1]s'\n%[2]s\necho $WRIGHT_BUILD $WRIGHT_ATTEMPT end >> '%[1]s'\n", s.ledger, what)
	}
	notify := "[[notify.plugin]]\nprovider = \"file\"\nrecipients = [\"ops\"]\nevents = [\"build-started\", \"build-succeeded\", \"build-failed\", \"build-cancelled\"]\n"
	s.shop.Commit("first", map[string]string{"build.sh": counted(`seq 1 5000
echo kept > kept
echo '<testsuite name="s"><testcase name="c"/></testsuite>' > tests.xml`)})
	texts := map[string]string{
		filepath.Join(s.h.Dir, "hook.secret"): hookSecret,
		s.config: fmt.Sprintf("[[hook]]\nname = \"github\"\nkind = \"github\"\nsecret = \"file:%s\"\n[storage]\nurl = \"file://%s?create_dir=true\"\n[notify.providers.file]\nfile = %q\n",
			filepath.Join(s.h.Dir, "hook.secret"), filepath.Join(s.h.Dir, "bucket"), filepath.Join(s.h.Dir, "messages.jsonl")),
		filepath.Join(s.h.Manifests, "shop.toml"): "tree-stable-timer = \"0s\"\n" + building(s.shop) +
			numbered(s.t, "keep = 1", "[dns]", `provider = "hosts"`, `domain = "shop.example.test"`,
				"[[database]]", `provider = "sqlite"`, `name = "db"`) +
			"[artifacts]\npaths = [\"kept\"]\njunit = [\"tests.xml\"]\n[retention]\nbuilds = 1\nage = \"0s\"\n" + notify,
		filepath.Join(s.h.Manifests, "lost.toml"): fmt.Sprintf("%s[[step]]\nrun = '''\nif mkdir %q 2>/dev/null; then kill -9 $PPID; sleep 1000; fi\n%s'''\n",
			notify, filepath.Join(s.h.Dir, "once"), counted("echo found")),
		filepath.Join(s.h.Manifests, "long.toml"):  fmt.Sprintf("%s[[step]]\nrun = '''\n%s'''\n", notify, counted("sleep 1000")),
		filepath.Join(s.h.Manifests, "boxed.toml"): fmt.Sprintf("%s[runner]\nprovider = \"local\"\n[[step]]\nrun = '''\n%s'''\n", notify, counted("echo boxed")),
	}
	for path, text := range texts {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}

// play is the life of the installation.
func (s *deathbed) play() {
	s.build("shop", "lost", "boxed")
	s.awaitLog("shop", "shop-000001")
	s.cancel()
	s.terminateAll()
	s.push()
	s.await("the second build of the shop", func() bool { return s.builds("shop") >= 2 })
	s.awaitTold()
	server := s.healthy()
	s.stop(&s.agent)
	s.await("the agent to be back", s.connected)
	s.stop(&s.master)
	s.forget(server)
	s.await("the old output to go, and what nobody owns", func() bool {
		return len(s.left("shop", "shop-000001")) == 0 && len(s.held()) == 0
	})
	s.build("shop")
	s.terminateAll()
	s.await("somebody to die at "+s.point.Name, func() bool { return len(s.died) > 0 || s.pass > 1 })
	for _, trap := range s.traps {
		trap.Unset()
	}
	s.await("all to be back", s.connected)
	s.judge()
}

// forget removes the facts of an AppServer.
func (s *deathbed) forget(server string) {
	s.t.Helper()
	if s.etcd == nil {
		forget(s.t, s.h, server)
		return
	}
	cli := s.etcd.Client()
	defer cli.Close()
	forgetAt(s.t, cli, server)
}

// await waits for something, and has everybody who is killed meanwhile, or was
// stopped, start again.
func (s *deathbed) await(what string, holds func() bool) {
	s.t.Helper()
	s.h.Await(what, func() bool { s.mend(); return holds() })
}

// mend kills who is in a trap, and starts who does not run.
func (s *deathbed) mend() {
	s.buryAll()
	if s.gone(&s.master) {
		s.master = s.start("master", "", func() *wrighttest.Process {
			flags := []string{"--config", s.config, "--reap", "1s", "--reap-after", "1s"}
			if s.etcd != nil {
				flags = append(flags, "--etcd-endpoints", s.etcd.Endpoints())
			}
			return s.h.StartMaster(flags...)
		})
	}
	if s.gone(&s.agent) {
		more := ""
		if trap := s.traps["supervisor"]; trap != nil {
			more = fmt.Sprintf(";supervisorFailpoints=return(%q)", trap.Address())
		}
		s.agent = s.start("agent", more, func() *wrighttest.Process { return s.h.StartAgent("one") })
	}
	if trap := s.traps["supervisor"]; trap != nil {
		trap.Set()
	}
}

// gone says whether a process does not run: only who was stopped or killed may not.
func (s *deathbed) gone(p **wrighttest.Process) bool {
	if *p != nil && (*p).Suffers() {
		s.t.Fatalf("%s ended by itself:\n%s", (*p).Name, (*p).Log())
	}
	return *p == nil
}

func (s *deathbed) buryAll() {
	s.bury("master", &s.master)
	s.bury("agent", &s.agent)
	if trap := s.traps["supervisor"]; trap != nil && trap.Sprung() {
		s.h.KillSupervisors()
		s.note("supervisor")
	}
}

// bury kills a process that is in its trap.
func (s *deathbed) bury(who string, p **wrighttest.Process) {
	if trap := s.traps[who]; trap != nil && *p != nil && trap.Sprung() {
		(*p).Kill()
		*p = nil
		s.note(who)
	}
}

func (s *deathbed) note(who string) {
	delete(s.traps, who)
	s.died = append(s.died, who)
	s.t.Logf("the %s was killed at %s, %s:%d", who, s.point.Name, s.point.File, s.point.Line)
}

func (s *deathbed) start(who, more string, start func() *wrighttest.Process) *wrighttest.Process {
	if trap := s.traps[who]; trap != nil {
		return s.h.WithTrap(trap, more, start)
	}
	return start()
}

// stop stops a process in good order, or kills it where it comes into its trap.
func (s *deathbed) stop(p **wrighttest.Process) {
	s.t.Helper()
	which := *p
	which.Signal(syscall.SIGINT)
	s.h.Await(which.Name+" to stop", func() bool { s.buryAll(); return which.Suffers() })
	*p = nil
}
