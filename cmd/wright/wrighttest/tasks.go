package wrighttest

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// taskVariable makes the test's own program do something for a step or an
// AppServer: there is no other program that every machine has.
const taskVariable = "WRIGHTTEST_TASK"

// Task is a shell command by which a step has the test's own program do
// something: "spew BYTES", "serve TEXT", or "scatter FILE".
func Task(t testing.TB, task string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s='%s' '%s'", taskVariable, task, self)
}

func perform(task string) int {
	verb, rest, _ := strings.Cut(task, " ")
	var err error
	switch verb {
	case "spew":
		var n int64
		if n, err = strconv.ParseInt(rest, 10, 64); err == nil {
			_, err = io.Copy(os.Stdout, Bytes(n))
		}
	case "serve":
		err = serve(rest)
	case "scatter":
		err = scatter(rest)
	case "hide":
		err = hide(rest)
	case "stay":
		stay()
	case "etcd":
		err = member(rest)
	default:
		err = fmt.Errorf("no such task")
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "task %q: %v\n", task, err)
		return 1
	}
	return 0
}

// Bytes is output of the worst kind, always the same: every byte value, lines
// of megabytes, runs of zeros, terminal escapes, no newline at the end.
func Bytes(n int64) io.Reader { return io.LimitReader(bufio.NewReaderSize(&spew{}, 1<<20), n) }

type spew struct {
	block [1 << 20]byte
	count uint64
}

func (s *spew) Read(p []byte) (int, error) {
	r := rand.NewChaCha8([32]byte{byte(s.count), byte(s.count >> 8)})
	switch s.count % 4 {
	case 0: // anything
		_, _ = r.Read(s.block[:])
	case 1: // one long line
		for i := range s.block {
			s.block[i] = 'a' + byte(i%26)
		}
	case 2:
		clear(s.block[:])
	case 3: // short lines, some with escapes and carriage returns
		text := fmt.Sprintf("line of block %d\x1b[31m\r\n\n", s.count)
		for i := range s.block {
			s.block[i] = text[i%len(text)]
		}
	}
	s.count++
	return copy(p, s.block[:]), nil
}

// serve is the AppServer of tests: it answers everything with the text, but
// /missing.
func serve(text string) error {
	address := net.JoinHostPort(os.Getenv("WRIGHT_APPSERVER_ADDRESS"), os.Getenv("WRIGHT_APPSERVER_PORT"))
	return http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/missing" {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, text)
	}))
}

// scatter starts a process that leaves its session and its parent, forgets its
// environment, stands elsewhere and ignores what asks it to end, writes its ID
// to a file, and then stays too.
func scatter(file string) error {
	child := again("hide " + file)
	if err := child.Run(); err != nil {
		return err
	}
	stay()
	return nil
}

func stay() {
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	never := make(chan os.Signal, 1)
	signal.Notify(never, syscall.SIGUSR1)
	<-never
}

// hide is the parent of such a process; it ends and leaves it alone.
func hide(file string) error {
	child := again("stay")
	if err := child.Start(); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(strconv.Itoa(child.Process.Pid)), 0o600)
}

func again(task string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env, cmd.Dir = []string{taskVariable + "=" + task}, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}
