package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/wright-build/wright/plugins"
)

// master speaks with HAProxy's master, and through it with the workers.
type master struct{ socket string }

const maxAnswer = 16 << 20 // bytes

// ask sends one line and gives the answer.
func (m master) ask(ctx context.Context, line string) (string, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", m.socket)
	if err != nil {
		return "", m.failed(ctx, err)
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err := io.WriteString(conn, line+"\n"); err != nil {
		return "", m.failed(ctx, err)
	}
	if u, ok := conn.(*net.UnixConn); ok {
		_ = u.CloseWrite() // it answers and hangs up
	}
	answer, err := io.ReadAll(io.LimitReader(conn, maxAnswer))
	if err != nil {
		return "", m.failed(ctx, err)
	}
	return string(answer), nil
}

func (m master) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("ask HAProxy's master at %s: %w", m.socket, ctx.Err())
	}
	return plugins.Errorf(plugins.Transient, "ask HAProxy's master at %s: %w", m.socket, err)
}

// processes is what the master says of itself and its workers.
type processes struct {
	reloads int
	failed  bool  // the last reload did not work
	current int   // the worker that takes new connections; 0: none
	old     []int // workers that end when their connections do
}

// processes asks again for a while: a master that reloads is away for a moment.
func (m master) processes(ctx context.Context) (processes, error) {
	const patience = 3 * time.Second
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		p, err := m.processesNow(limited)
		if err == nil {
			return p, nil
		}
		if wait(limited, 10*time.Millisecond) != nil {
			return p, cmp.Or(ctx.Err(), err)
		}
	}
}

func (m master) processesNow(ctx context.Context) (processes, error) {
	answer, err := m.ask(ctx, "show proc")
	if err != nil {
		return processes{}, err
	}
	p, err := parseProcesses(answer)
	if err != nil {
		return p, plugins.Errorf(plugins.Transient, "ask HAProxy's master at %s for its processes: %w", m.socket, err)
	}
	return p, nil
}

// parseProcesses reads the answer to "show proc":
//
//	#<PID>   <type>   <reloads>         <uptime>      <version>
//	1162     master   5 [failed: 0]     0d00h02m07s   2.6.12
//	# workers
//	1271     worker   0                 0d00h00m00s   2.6.12
//	# old workers
//	1233     worker   3                 0d00h00m43s   2.6.12
//	# programs
func parseProcesses(answer string) (processes, error) {
	var p processes
	section, found := "", false
	for line := range strings.Lines(answer) {
		fields := strings.Fields(line)
		if strings.HasPrefix(line, "#") {
			section = strings.TrimSpace(strings.TrimPrefix(line, "#"))
			continue
		}
		if len(fields) < 3 {
			continue
		}
		pid, err := strconv.Atoi(fields[0])
		if err != nil || pid <= 0 {
			continue
		}
		switch {
		case fields[1] == "master":
			found = true
			if p.reloads, err = strconv.Atoi(fields[2]); err != nil {
				return p, fmt.Errorf("%.80q is no number of reloads", fields[2])
			}
			p.failed = strings.Contains(line, "[failed:") && !strings.Contains(line, "[failed: 0]")
		case fields[1] == "worker" && section == "workers":
			p.current = pid
		case fields[1] == "worker" && section == "old workers":
			p.old = append(p.old, pid)
		}
	}
	if !found {
		return p, fmt.Errorf("%.200q is no list of processes", answer)
	}
	return p, nil
}

// errReload says that HAProxy goes on with what it had.
var errReload = errors.New("HAProxy's reload failed, and it goes on with the configuration that it had")

// reload has HAProxy read its configuration, and returns when it serves with it.
func (m master) reload(ctx context.Context) (processes, error) {
	before, err := m.processes(ctx)
	if err != nil {
		return before, err
	}
	answer, err := m.ask(ctx, "reload")
	if err != nil && ctx.Err() != nil {
		return before, err
	}
	// Up to 2.6 the master hangs up, and its counts say how it went; later ones say so.
	if strings.Contains(answer, "Success=0") {
		return before, fmt.Errorf("%w: %s", errReload, words([]byte(answer)))
	}
	said := strings.Contains(answer, "Success=1")
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		now, err := m.processesNow(ctx)
		over := err == nil && (said || now.reloads != before.reloads)
		switch {
		case over && now.failed:
			return now, fmt.Errorf("%w; its log says why", errReload)
		case over && now.current != 0:
			return now, m.left(ctx, now)
		}
		if waitErr := wait(ctx, pause); waitErr != nil {
			return before, errors.Join(plugins.Errorf(plugins.Transient, "wait for HAProxy's reload: %w", waitErr), err)
		}
	}
}

// left waits until every old worker knows that it is one: from then on it takes
// no new connections, and passes on what it is asked over old ones, if the main
// configuration says so. It gives up after a while: a worker that hangs is ended
// by HAProxy's hard-stop-after.
func (m master) left(ctx context.Context, p processes) error {
	limited, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for _, pid := range p.old {
		for {
			info, err := m.worker(limited, pid, "show info")
			if err != nil || !strings.Contains(info, "Stopping: 0") {
				break
			}
			if wait(limited, 2*time.Millisecond) != nil {
				break
			}
		}
	}
	return ctx.Err()
}

// worker asks one worker.
func (m master) worker(ctx context.Context, pid int, command string) (string, error) {
	return m.ask(ctx, fmt.Sprintf("@!%d %s", pid, command))
}

// servers gives the names of a backend's servers; there is false when the worker
// does not know it.
func (m master) servers(ctx context.Context, pid int, backend string) (names []string, there bool, err error) {
	answer, err := m.worker(ctx, pid, "show servers state "+backend)
	if err != nil {
		return nil, false, err
	}
	names, there = parseServers(answer, backend)
	if !there && !strings.Contains(answer, "Can't find backend") {
		return nil, false, plugins.Errorf(plugins.Transient, "ask HAProxy's process %d for the servers of %s: it says %.200q", pid, backend, answer)
	}
	return names, there, nil
}

// parseServers reads the answer to "show servers state": the second and fourth
// columns are the names of backend and server.
func parseServers(answer, backend string) (names []string, there bool) {
	for line := range strings.Lines(answer) {
		f := strings.Fields(line)
		if strings.HasPrefix(line, "# be_id") {
			there = true
		} else if there && len(f) > 4 && f[1] == backend {
			names = append(names, f[3])
		}
	}
	return names, there
}
