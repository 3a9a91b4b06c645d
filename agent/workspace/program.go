package workspace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const (
	maxStdout = 64 << 20        // bytes of output of a program that are read
	maxStderr = 4 << 10         // bytes of its last words that an error repeats
	killWait  = 5 * time.Second // after which its pipes are closed
)

// sshCommand never asks: what is not settled by keys and configuration fails.
const sshCommand = "ssh -o BatchMode=yes -o ConnectTimeout=30"

// run runs a program of a version control system and returns its standard
// output; notes get what else it says. Its process group ends with ctx.
func run(ctx context.Context, cmd *exec.Cmd, notes io.Writer) ([]byte, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = killWait
	stdout := &bounded{limit: maxStdout}
	last := &tail{limit: maxStderr}
	cmd.Stdout = stdout
	cmd.Stderr = io.MultiWriter(notes, last)
	err := cmd.Run()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err == nil && stdout.full {
		err = fmt.Errorf("more than %d bytes of output", maxStdout)
	}
	if err != nil {
		return nil, errors.Join(err, last.err())
	}
	return stdout.Bytes(), nil
}

// inherited is what a program may see of our own environment: what it and ssh
// need to find their way.
func inherited() []string {
	var env []string
	for _, name := range []string{
		"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR",
		"http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
	} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// bounded keeps the first bytes that are written to it.
type bounded struct {
	bytes.Buffer
	limit int
	full  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.limit {
		b.full = true
		return len(p), nil
	}
	return b.Buffer.Write(p)
}

// tail keeps the last bytes that are written to it.
type tail struct {
	data  []byte
	limit int
}

func (t *tail) Write(p []byte) (int, error) {
	t.data = append(t.data, p...)
	if over := len(t.data) - t.limit; over > 0 {
		t.data = append(t.data[:0], t.data[over:]...)
	}
	return len(p), nil
}

func (t *tail) err() error {
	text := strings.TrimSpace(string(t.data))
	if text == "" {
		return nil
	}
	return errors.New(text)
}
