package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/cloud/onhost"
)

const (
	firstPause = 200 * time.Millisecond // before QEMU is started again
	lastPause  = 30 * time.Second
	stableLife = time.Minute      // a run this long forgives earlier ends
	trial      = 10 * time.Second // within which a KVM that does not work shows it
	greetTime  = 15 * time.Second // a slow server needs some to greet; asking faster makes it slower
	lookAfter  = 2 * time.Second  // for the server's own record
	maxConsole = 1 << 20          // bytes of a file of the console, of which there are two
)

// machine is the daemon that is one server: it runs QEMU, keeps its console, and
// says when the server is up.
type machine struct {
	dir     string
	record  record
	accel   string
	lock    *os.File     // held for life
	held    net.Listener // the address, likewise
	console *onhost.Rotating
	last    lastWords
}

// runMachine is the whole life of the daemon. QEMU dies with the thread that
// started it, so that is the main one.
func runMachine(dir string) error {
	runtime.LockOSThread()
	starter := onhost.NewStarter()
	m, err := newMachine(dir)
	if m == nil { // or another daemon has this server
		starter.Say(err)
		return err
	}
	return m.run(starter)
}

func newMachine(dir string) (*machine, error) {
	lock, held, err := onhost.TryLock(filepath.Join(dir, onhost.LockFile))
	if err != nil || held {
		return nil, err
	}
	r, err := onhost.Read[record](dir)
	if err != nil {
		return nil, err
	}
	if r.Deleting {
		return nil, errors.New("the server is being deleted")
	}
	for i := 0; !killMarked(dir) && i < 500; i++ { // what a daemon left that was killed
		<-time.After(10 * time.Millisecond) // nothing tells when a stranger's process is gone
	}
	console, err := onhost.OpenRotating(filepath.Join(dir, consoleFile), maxConsole)
	if err != nil {
		fmt.Fprintln(os.Stderr, err) // it is tried again
	}
	m := &machine{dir: dir, record: r, accel: choose(r.Accel), lock: lock, console: console}
	if m.held, err = onhost.Reserve(r.Address); err != nil {
		fmt.Fprintln(os.Stderr, err) // QEMU will say so if the address is really in use
	}
	return m, nil
}

// run starts QEMU, and again when it ends, until the daemon is told to end. The
// first start must succeed.
func (m *machine) run(starter *onhost.Starter) error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, unix.SIGTERM, unix.SIGINT)
	signal.Ignore(unix.SIGHUP, unix.SIGPIPE)
	for pause := firstPause; ; {
		began := time.Now()
		err := m.once(stop, func() { starter.Say(nil) })
		if errors.Is(err, errStopped) {
			return nil
		}
		if m.accel == "kvm" && m.record.Accel == "auto" && time.Since(began) < trial {
			m.accel = "tcg" // there is KVM, and it does not work
			fmt.Fprintf(os.Stderr, "QEMU ended with KVM, and runs without: %v\n", err)
			continue
		}
		if !starter.Told() {
			starter.Say(err)
			return err
		}
		m.state(cloud.Failed)
		fmt.Fprintf(os.Stderr, "%s QEMU ended: %v\n", time.Now().UTC().Format(time.RFC3339), err)
		if time.Since(began) > stableLife {
			pause = firstPause
		}
		select {
		case <-stop:
			return nil
		case <-time.After(pause):
			pause = min(2*pause, lastPause)
		}
	}
}

// errStopped says that the daemon was told to end.
var errStopped = errors.New("it was told to")

var errExit = errors.New("exit status 0")

// once runs QEMU until it ends or is to stop. up is called when it serves
// the server's ports.
func (m *machine) once(stop <-chan os.Signal, up func()) error {
	m.state(cloud.Starting)
	cmd := exec.Command(m.record.Program, arguments(m.record, m.accel)...)
	cmd.Dir = m.dir
	cmd.Env = append(onhost.Environment(), cookie(m.dir))
	m.last = nil
	cmd.Stdout, cmd.Stderr = m.console, &m.last
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start QEMU: %w", err)
	}
	ended := make(chan exit, 1)
	go func() { ended <- exit{cmd.Wait()} }()
	over := make(chan struct{})
	defer close(over)
	serves, greeted := watch(over, m.record)
	look := time.NewTicker(lookAfter)
	defer look.Stop()
	for {
		select {
		case e := <-ended:
			return fmt.Errorf("%w: %s", cmp.Or(e.err, errExit), m.last.text())
		case <-serves:
			serves = nil
			up()
		case <-greeted:
			greeted = nil
			m.state(cloud.Running)
		case <-look.C:
			if m.exists() {
				continue
			}
			return halt(cmd, ended)
		case <-stop:
			return halt(cmd, ended)
		}
	}
}

// exit is how QEMU ended.
type exit struct{ err error }

func halt(cmd *exec.Cmd, ended <-chan exit) error {
	_ = cmd.Process.Kill()
	<-ended
	return errStopped
}

// exists is false when somebody removed the server's directory by hand.
func (m *machine) exists() bool {
	_, err := os.Stat(filepath.Join(m.dir, onhost.RecordFile))
	return !errors.Is(err, fs.ErrNotExist)
}

// watch tells when QEMU takes connections, and when the server is up.
func watch(over <-chan struct{}, r record) (serves, greeted chan struct{}) {
	serves, greeted = make(chan struct{}), make(chan struct{})
	go func() {
		at := net.JoinHostPort(r.Address, strconv.Itoa(r.Ports[0].Host))
		if !until(over, 10*time.Millisecond, func() bool { return accepts(at) }) {
			return
		}
		close(serves)
		at = net.JoinHostPort(r.Address, strconv.Itoa(r.SSHPort))
		if !r.WaitSSH || until(over, 200*time.Millisecond, func() bool { return greets(at) }) {
			close(greeted)
		}
	}()
	return serves, greeted
}

// until asks again and again; false means that it was over before.
func until(over <-chan struct{}, pause time.Duration, done func() bool) bool {
	for !done() {
		select {
		case <-over:
			return false
		case <-time.After(pause):
		}
	}
	return true
}

func accepts(at string) bool {
	conn, err := net.DialTimeout("tcp", at, time.Second)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}

// greets says whether an SSH server speaks. QEMU takes connections before the
// server does, so a connection tells nothing.
func greets(at string) bool {
	conn, err := net.DialTimeout("tcp", at, time.Second)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetReadDeadline(time.Now().Add(greetTime))
	line, _ := bufio.NewReader(conn).ReadString('\n')
	return strings.HasPrefix(line, "SSH-")
}

// state writes the state down for the provider.
func (m *machine) state(state string) {
	if err := onhost.WriteState(m.dir, state); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// lastWords keep the end of what QEMU complains about.
type lastWords []byte

// Write implements io.Writer.
func (l *lastWords) Write(b []byte) (int, error) {
	const most = 2000
	*l = append(*l, b...)
	*l = (*l)[max(0, len(*l)-most):]
	return len(b), nil
}

func (l lastWords) text() string { return strings.ToValidUTF8(strings.TrimSpace(string(l)), "?") }
