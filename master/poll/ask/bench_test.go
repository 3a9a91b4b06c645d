package ask

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/storage/memory"
)

// cpu is what this process, or its children, have used.
func cpu(who int) time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(who, &u) // cannot fail
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkList compares ways to ask a remote: time of the processor in this
// process and in the programs that it starts, the servers' own not counted
// where they are processes of their own.
func BenchmarkList(b *testing.B) {
	for _, refs := range []int{10, 50_000} {
		r := newRepo(b)
		r.commit()
		r.manyRefs(refs)
		urls := map[string]string{"git": r.daemon(), "http": r.serve(), "path": r.dir}
		url, login, ok := tryServeSSH(b)
		if ok {
			urls["ssh"] = url + r.dir
		}
		for name, url := range urls {
			q := question{Remote: remote(url, "HEAD", "refs/heads/main"), wanted: wanted([]string{"HEAD", "refs/heads/main"})}
			a := newAsker(b)
			a.logins = login
			b.Run(fmt.Sprintf("%s/%d/ours", name, refs), func(b *testing.B) {
				measure(b, func(ctx context.Context) error { _, err := a.List(ctx, q.Remote); return err })
			})
			if name != "ssh" {
				b.Run(fmt.Sprintf("%s/%d/program", name, refs), func(b *testing.B) {
					measure(b, func(ctx context.Context) error { _, err := lsRemote(ctx, q, nil); return err })
				})
				b.Run(fmt.Sprintf("%s/%d/go-git", name, refs), func(b *testing.B) { measure(b, goGit(url)) })
			}
		}
	}
}

func goGit(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := gogit.NewRemote(memory.NewStorage(), &config.RemoteConfig{Name: "x", URLs: []string{strings.TrimSuffix(url, "/")}}).ListContext(ctx, &gogit.ListOptions{})
		return err
	}
}

func measure(b *testing.B, do func(context.Context) error) {
	if err := do(b.Context()); err != nil { // the first time it learns
		b.Fatal(err)
	}
	self, children := cpu(syscall.RUSAGE_SELF), cpu(syscall.RUSAGE_CHILDREN)
	for b.Loop() {
		if err := do(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpu(syscall.RUSAGE_SELF)-self)/float64(b.N)/1e6, "self-ms/op")
	b.ReportMetric(float64(cpu(syscall.RUSAGE_CHILDREN)-children)/float64(b.N)/1e6, "programs-ms/op")
}
