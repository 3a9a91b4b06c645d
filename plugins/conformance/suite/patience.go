package suite

import (
	"context"
	"strings"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

// patiently repeats a call for as long as its error says when to come again, as an
// agent does: a backend that throttles is nobody's fault. Faults of the suite's
// own are told as they are.
func (t *T) patiently(ctx context.Context, call func() error) error {
	for {
		err := call()
		e, ok := asError(err)
		if !ok || e.Code != plugins.Transient || e.RetryAfter <= 0 || t.proxy.faulty() || strings.Contains(err.Error(), "launch plugin") {
			return err // the last is the host's own word
		}
		deadline, limited := ctx.Deadline()
		if limited && time.Until(deadline) < e.RetryAfter {
			return err
		}
		t.Logf("it asks to come again after %v: %v", e.RetryAfter, err)
		select {
		case <-time.After(e.RetryAfter):
		case <-ctx.Done():
			return err
		}
	}
}

// hasty is the provider itself: it may say to come again until a Delete, which is
// the caller's to repeat, has come to its end.
func hasty(p cloud.Provider) cloud.Provider { return p.(patientCloud).Provider }

// patientMaker is a provider of another kind that is called patiently.
type patientMaker struct {
	maker
	t *T
}

func (p patientMaker) put(ctx context.Context, name string, version int, tags map[string]string) (what string, err error) {
	err = p.t.patiently(ctx, func() error { what, err = p.maker.put(ctx, name, version, tags); return err })
	return what, err
}

func (p patientMaker) all(ctx context.Context, tags map[string]string) (list []thing, err error) {
	err = p.t.patiently(ctx, func() error { list, err = p.maker.all(ctx, tags); return err })
	return list, err
}

func (p patientMaker) drop(ctx context.Context, name string, tags map[string]string) error {
	return p.t.patiently(ctx, func() error { return p.maker.drop(ctx, name, tags) })
}

// faulty says whether requests meet a fault now.
func (p *proxy) faulty() bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault != nil
}

// patientCloud is a cloud provider that is called patiently.
type patientCloud struct {
	cloud.Provider
	t *T
}

// Create implements cloud.Provider.
func (p patientCloud) Create(ctx context.Context, s cloud.Spec) (made *cloud.Server, err error) {
	err = p.t.patiently(ctx, func() error { made, err = p.Provider.Create(ctx, s); return err })
	return made, err
}

// Get implements cloud.Provider.
func (p patientCloud) Get(ctx context.Context, token string) (got *cloud.Server, err error) {
	err = p.t.patiently(ctx, func() error { got, err = p.Provider.Get(ctx, token); return err })
	return got, err
}

// List implements cloud.Provider.
func (p patientCloud) List(ctx context.Context, tags map[string]string) (list []cloud.Server, err error) {
	err = p.t.patiently(ctx, func() error { list, err = p.Provider.List(ctx, tags); return err })
	return list, err
}

// Delete implements cloud.Provider.
func (p patientCloud) Delete(ctx context.Context, token string) error {
	return p.t.patiently(ctx, func() error { return p.Provider.Delete(ctx, token) })
}

// Console implements cloud.Consoler.
func (p patientCloud) Console(ctx context.Context, token string) ([]byte, error) {
	return p.Provider.(cloud.Consoler).Console(ctx, token)
}
