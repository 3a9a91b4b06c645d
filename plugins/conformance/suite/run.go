package suite

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/host"
)

// Options say how a run goes; the zero value runs every check.
type Options struct {
	Only     string       // a regular expression that the names of checks match; empty means all
	Log      io.Writer    // what the provider says, as it says it, without secrets; optional
	Progress func(Result) // told of every check that is over; optional
}

// The verdicts.
const (
	Passed  = "passed"
	Failed  = "failed"
	Skipped = "skipped"
)

// Result is the verdict on one check.
type Result struct {
	Check    Check
	Status   string        // Passed, Failed or Skipped
	Failures []string      // each says what was done, what came back, what the contract wants and what to mend
	Reason   string        // why it was skipped, or how much it looked at
	Took     time.Duration // cleaning up included
	Log      string        // what the provider said, without secrets
}

// Session is a subject on the bench.
type Session struct {
	Kind plugins.Kind
	Name string
	// About is nil when the provider does not tell what it is; a check says why.
	About *plugins.Description

	subject Subject
	kind    kindChecks
	opt     Options
	hide    *redactor
}

// Open makes a subject ready. An error means that there is nothing to check.
func Open(ctx context.Context, s Subject, opt Options) (*Session, error) {
	kind, name, err := s.Identity()
	if err != nil {
		return nil, err
	}
	if s, err = s.prepare(); err != nil {
		return nil, err
	}
	b := &Session{Kind: kind, Name: name, subject: s, kind: ofKind(kind), opt: opt}
	if len(b.kind.checks) == 0 {
		return nil, fmt.Errorf("there are no checks of the kind %s yet", kind)
	}
	h := host.New(host.Config{Dirs: []string{filepath.Dir(s.Binary)}, StateDir: os.TempDir()})
	about, err := h.Describe(ctx, kind, name)
	_ = h.Close()
	var settings plugins.Schema
	if err == nil {
		b.About, settings = about, about.Settings
	}
	b.hide = newRedactor(settings, s.Settings, s.Wrong, s.Full, pluginEnv(os.Environ()))
	return b, ctx.Err()
}

// Run runs the checks that opt selects, one after the other. The error says why
// there is no report, or that ctx ended before the last check.
func Run(ctx context.Context, s Subject, opt Options) (Report, error) {
	only, err := regexp.Compile(opt.Only)
	if err != nil {
		return Report{}, fmt.Errorf("select the checks: %w", err)
	}
	b, err := Open(ctx, s, opt)
	if err != nil {
		return Report{}, err
	}
	if err := b.usable(ctx); err != nil {
		return Report{}, err
	}
	checks := Checks(b.Kind)
	r := Report{Plugin: plugins.BinaryName(b.Kind, b.Name), About: b.About, All: len(checks)}
	start := time.Now()
	for _, c := range checks {
		if !only.MatchString(c.Name) {
			r.Partial = true
			continue
		}
		result := b.Run(ctx, c)
		if opt.Progress != nil {
			opt.Progress(result)
		}
		r.Results = append(r.Results, result)
	}
	r.Took, r.Partial = time.Since(start), r.Partial || ctx.Err() != nil
	if len(r.Results) == 0 {
		return r, fmt.Errorf("no check's name matches %q", opt.Only)
	}
	return r, ctx.Err()
}

// usable says what is wrong where every check would fail for one reason that is
// not the plugin's: nobody listens at the backend, or the credentials to verify
// with are refused.
func (b *Session) usable(ctx context.Context) error {
	if b.subject.Endpoint != "" {
		text, _ := b.subject.Settings[b.subject.Endpoint].(string)
		if err := listens(ctx, text); err != nil {
			return fmt.Errorf("nobody answers at settings.%s: start the service first: %w", b.subject.Endpoint, err)
		}
	}
	if b.kind.touch == nil {
		return nil
	}
	t := b.newT(ctx, Check{Name: "the settings to verify with"})
	var err error
	t.protect(func() {
		t.setUp(nil)
		err = b.kind.touch(t)
	})
	t.clean(ctx)
	if plugins.CodeOf(err) == plugins.Denied {
		return fmt.Errorf("the plugin is refused with the [settings] of verify.toml; correct them first: %s", b.hide.text(err.Error()))
	}
	return nil
}

// listens says whether somebody listens at an http URL.
func listens(ctx context.Context, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return nil // the proxy has more to say about it
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443"}[u.Scheme]
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), cmp.Or(port, "80")))
	if err != nil {
		return err
	}
	return conn.Close()
}

// Run runs one check and cleans up after it, also when ctx ends.
func (b *Session) Run(ctx context.Context, c Check) Result {
	if ctx.Err() != nil {
		return Result{Check: c, Status: Skipped, Reason: "interrupted"}
	}
	start := time.Now()
	t := b.newT(ctx, c)
	t.protect(func() {
		t.setUp(b.kind.sweep)
		c.run(t)
	})
	if ctx.Err() != nil {
		t.failures, t.skipped = nil, "interrupted" // what failed, failed because of that
	}
	// However the check ended, what it made is taken away. This may take some calls, not forever.
	cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*b.subject.Limit)
	defer cancel()
	t.clean(cleanup)
	t.secrets()
	r := Result{Check: c, Status: Passed, Failures: t.failures, Reason: cmp.Or(t.skipped, t.looked), Took: time.Since(start), Log: t.hide.text(t.log.raw())}
	switch {
	case len(t.failures) > 0:
		r.Status = Failed
	case t.skipped != "":
		r.Status = Skipped
	}
	return r
}

func (b *Session) newT(ctx context.Context, c Check) *T {
	t := &T{check: c, subject: b.subject, kind: b.Kind, name: b.Name, about: b.About, id: newID(), of: b.kind, ctx: ctx}
	t.hide = b.hide.and(t.envSecret())
	t.log = &logBuffer{live: b.opt.Log, hide: t.hide}
	t.said, t.told = &logBuffer{live: t.log}, &logBuffer{}
	return t
}

func (t *T) setUp(sweep func(*T)) {
	t.parent = t.TempDir()
	if t.subject.Endpoint != "" {
		t.proxy = newProxy(t, t.subject.Settings[t.subject.Endpoint].(string))
	}
	if sweep != nil {
		t.Cleanup(func() {
			if t.proxy != nil {
				t.proxy.set(nil)
			}
			sweep(t)
		})
	}
}
