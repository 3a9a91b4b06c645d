package lab

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is one server, in a session of its own.
type process struct {
	cmd    *exec.Cmd
	log    string
	end    syscall.Signal // what asks it to end
	exited chan struct{}

	mu     sync.Mutex // guards all below
	reaped bool       // its ID may be another's from then on
}

// options say how a server is started; the zero value is usual.
type options struct {
	env []string       // added to PATH, HOME and LANG
	end syscall.Signal // default SIGTERM
	uid uint32         // 0 keeps the user
	gid uint32
	dir string
}

const stopGrace = 10 * time.Second

// spawn starts a server whose output goes to DIR/log/NAME.log.
func (r *Running) spawn(name string, o options, path string, args ...string) (*process, error) {
	log := filepath.Join(r.Dir, "log", name+".log")
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }()
	p := &process{cmd: exec.Command(path, args...), log: log, end: syscall.SIGTERM, exited: make(chan struct{})}
	if o.end != 0 {
		p.end = o.end
	}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Dir = out, out, o.dir
	p.cmd.Env = append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=" + r.Dir}, o.env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if o.uid != 0 {
		p.cmd.SysProcAttr.Credential = &syscall.Credential{Uid: o.uid, Gid: o.gid}
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	r.processes = append(r.processes, p)
	go func() { // owned by stop
		defer close(p.exited)
		p.await()
	}()
	return p, nil
}

// await waits for the end of the server, and ends what it leaves of its group
// while the group's ID is still its own.
func (p *process) await() {
	for errors.Is(unix.Waitid(unix.P_PID, p.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil), unix.EINTR) {
		continue
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	p.reaped = true
	_ = p.cmd.Wait()
}

// signal sends a signal to the group, unless the server has ended.
func (p *process) signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		_ = syscall.Kill(-p.cmd.Process.Pid, s)
	}
}

// stop ends the server and all of its session's group. What a signal was sent to
// may serve a moment longer, so it waits for that.
func (p *process) stop() {
	p.signal(p.end)
	select {
	case <-p.exited:
	case <-time.After(stopGrace):
	}
	p.signal(syscall.SIGKILL)
	<-p.exited
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); groupLives(p.cmd.Process.Pid) && time.Now().Before(deadline); {
		<-tick.C
	}
}

// groupLives says whether a process of the group runs. Zombies, which some
// containers' first process leaves alone, do not.
func groupLives(group int) bool {
	if errors.Is(syscall.Kill(-group, 0), syscall.ESRCH) {
		return false
	}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		text, _ := os.ReadFile(file)
		_, rest, _ := strings.Cut(string(text[bytes.LastIndexByte(text, ')')+1:]), " ")
		fields := strings.Fields(rest) // state, parent, group, …
		if len(fields) > 2 && fields[2] == strconv.Itoa(group) && fields[0] != "Z" && fields[0] != "X" {
			return true
		}
	}
	return false
}

// until waits until answers gives no error; it gives up when the server ends or
// after limit.
func (p *process) until(ctx context.Context, limit time.Duration, answers func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := answers(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return fmt.Errorf("%s ended: %s", filepath.Base(p.cmd.Path), p.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w: %s", filepath.Base(p.cmd.Path), errors.Join(err, ctx.Err()), p.lastWords())
		case <-tick.C:
		}
	}
}

// lastWords are the end of the server's log.
func (p *process) lastWords() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(0, len(text)-2000):]))
}

// run runs a program to its end.
func (r *Running) run(ctx context.Context, path string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=" + r.Dir}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(path), err, out[max(0, len(out)-2000):])
	}
	return string(out), nil
}

// accepts says whether somebody listens at the TCP address.
func accepts(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// freePort is a port of loopback below those that outgoing connections get.
func freePort() (string, error) {
	for range 200 {
		n, err := rand.Int(rand.Reader, big.NewInt(12000))
		if err != nil {
			return "", err
		}
		port := fmt.Sprint(20000 + n.Int64())
		tcp, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			continue
		}
		udp, err := net.ListenPacket("udp", "127.0.0.1:"+port)
		_ = tcp.Close()
		if err == nil {
			return port, udp.Close()
		}
	}
	return "", errors.New("no port is free between 20000 and 32000")
}

// secret is random, in base64.
func secret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // it never fails
	return base64.StdEncoding.EncodeToString(b[:])
}
