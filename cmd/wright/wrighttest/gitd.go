package wrighttest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Gitd is the far side of the git protocol: it tells the refs of any number of
// repositories that do not exist otherwise. Nothing can be fetched from it.
type Gitd struct {
	Address string

	mu    sync.Mutex           // guards all below
	repos map[string]*gitdRepo // by path without the first slash
	asked int
	conns map[net.Conn]bool
}

type gitdRepo struct {
	refs   map[string]string // ref -> revision
	hangs  bool
	asked  time.Time
	gap    time.Duration  // the longest between two requests
	expect chan time.Time // told when it is asked; may be nil
}

// NewGitd serves on loopback until the test ends.
func NewGitd(t testing.TB) *Gitd {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &Gitd{Address: l.Addr().String(), repos: map[string]*gitdRepo{}, conns: map[net.Conn]bool{}}
	var all sync.WaitGroup
	all.Go(func() { g.accept(l, &all) })
	t.Cleanup(func() {
		_ = l.Close()
		g.mu.Lock()
		for c := range g.conns {
			_ = c.Close()
		}
		g.mu.Unlock()
		all.Wait()
	})
	return g
}

// URL is the URL of a repository.
func (g *Gitd) URL(repo string) string { return "git://" + g.Address + "/" + repo }

// Move sets refs of a repository. Its HEAD is the branch main.
func (g *Gitd) Move(repo string, refs map[string]string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	maps.Copy(g.repo(repo).refs, refs)
}

// Hang has a repository never answer.
func (g *Gitd) Hang(repo string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.repo(repo).hangs = true
}

// Expect tells when a repository is asked next.
func (g *Gitd) Expect(repo string) <-chan time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := make(chan time.Time, 1)
	g.repo(repo).expect = c
	return c
}

// Asked is how often refs have been asked for.
func (g *Gitd) Asked() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asked
}

// Repos is how many repositories have been asked.
func (g *Gitd) Repos() (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range g.repos {
		if !r.asked.IsZero() {
			n++
		}
	}
	return n
}

// LongestGap is the longest time between two requests for a repository that
// answers, since Forget.
func (g *Gitd) LongestGap() (longest time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range g.repos {
		if !r.hangs {
			longest = max(longest, r.gap)
		}
	}
	return longest
}

// Forget forgets the gaps so far.
func (g *Gitd) Forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range g.repos {
		r.gap = 0
	}
}

// repo is a repository, made if need be. mu is held.
func (g *Gitd) repo(path string) *gitdRepo {
	r := g.repos[path]
	if r == nil {
		r = &gitdRepo{refs: map[string]string{}}
		g.repos[path] = r
	}
	return r
}

// noted notes that a repository is asked, and says whether it answers. mu is held.
func (r *gitdRepo) noted(now time.Time) bool {
	if !r.asked.IsZero() {
		r.gap = max(r.gap, now.Sub(r.asked))
	}
	r.asked = now
	if r.expect != nil {
		r.expect <- now
		r.expect = nil
	}
	return !r.hangs
}

func (g *Gitd) accept(l net.Listener, all *sync.WaitGroup) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		g.mu.Lock()
		g.conns[c] = true
		g.mu.Unlock()
		all.Go(func() {
			_ = g.serve(c)
			_ = c.Close()
			g.mu.Lock()
			delete(g.conns, c)
			g.mu.Unlock()
		})
	}
}

// serve answers one request: the refs, then the client's flush.
func (g *Gitd) serve(c net.Conn) error {
	r := bufio.NewReader(c)
	request, err := readPacket(r)
	if err != nil {
		return err
	}
	service, _, _ := strings.Cut(request, "\x00")
	path, ok := strings.CutPrefix(service, "git-upload-pack /")
	if !ok {
		return errors.New("not what is served here")
	}
	answer, answers := g.advertise(path)
	if !answers {
		_, err = io.Copy(io.Discard, c) // until the client has had enough
		return err
	}
	if _, err := io.WriteString(c, answer); err != nil {
		return err
	}
	_, err = readPacket(r)
	return err
}

// advertise is the refs of a repository as packets.
func (g *Gitd) advertise(path string) (text string, answers bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked++
	r := g.repos[path]
	switch {
	case r == nil:
		return packet("ERR no such repository"), true
	case !r.noted(time.Now()):
		return "", false
	}
	capabilities := "\x00ofs-delta agent=gitd"
	var b strings.Builder
	if head := r.refs["refs/heads/main"]; head != "" {
		b.WriteString(packet(head + " HEAD" + capabilities + " symref=HEAD:refs/heads/main\n"))
		capabilities = ""
	}
	for _, ref := range slices.Sorted(maps.Keys(r.refs)) {
		b.WriteString(packet(r.refs[ref] + " " + ref + capabilities + "\n"))
		capabilities = ""
	}
	return b.String() + "0000", true
}

func packet(s string) string { return fmt.Sprintf("%04x%s", len(s)+4, s) }

func readPacket(r io.Reader) (string, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return "", err
	}
	n, err := strconv.ParseUint(string(size[:]), 16, 16)
	if err != nil || n <= 4 {
		return "", err
	}
	text := make([]byte, n-4)
	_, err = io.ReadFull(r, text)
	return string(text), err
}
