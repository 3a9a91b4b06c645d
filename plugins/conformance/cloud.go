package conformance

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/host"
)

// Cloud tests a cloud provider.
func Cloud(t *testing.T, s Subject) {
	tests := []struct {
		name string
		test func(*testing.T, *cloudBench)
	}{
		{"create, get, list, delete", cloudLife},
		{"the same token gives the same server", cloudSameToken},
		{"at the same time too", cloudConcurrent},
		{"list by tag", cloudTags},
		{"the missing", cloudMissing},
		{"killed in the middle of create", cloudKilledInCreate},
		{"killed in the middle of delete", cloudKilledInDelete},
		{"survives its provider", cloudSurvives},
		{"hostile names", cloudHostile},
		{"no time left", cloudNoTime},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := &cloudBench{bench: newBench(t, plugins.Cloud, s)}
			t.Cleanup(func() { b.deleteAll(t) })
			tt.test(t, b)
		})
	}
}

type cloudBench struct{ *bench }

func (b *cloudBench) provider(t *testing.T) (*host.Host, cloud.Provider) {
	t.Helper()
	h := b.open(t)
	p, err := h.Cloud(b.call(t), b.name)
	if err != nil {
		t.Fatal("launch:", err)
	}
	return h, p
}

func (b *cloudBench) spec(token string) cloud.Spec {
	return cloud.Spec{
		Token: token, Name: "conformance " + token, Tags: ownTags(),
		Env: map[string]string{"CONFORMANCE": "1"}, Config: b.subject.Config,
	}
}

func (b *cloudBench) create(t *testing.T, p cloud.Provider, s cloud.Spec) cloud.Server {
	t.Helper()
	made, err := p.Create(b.call(t), s)
	if err != nil {
		t.Fatal("create:", err)
	}
	return *made
}

func (b *cloudBench) list(t *testing.T, p cloud.Provider, tags map[string]string) map[string]cloud.Server {
	t.Helper()
	all, err := p.List(b.call(t), tags)
	if err != nil {
		t.Fatal("list:", err)
	}
	byToken := map[string]cloud.Server{}
	for _, s := range all {
		if _, twice := byToken[s.Token]; twice {
			t.Errorf("list gives the server of token %q twice", s.Token)
		}
		byToken[s.Token] = s
	}
	return byToken
}

// deleteAll runs when the test's own context has ended already.
func (b *cloudBench) deleteAll(t *testing.T) {
	h := b.open(t)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), b.subject.Limit)
	defer cancel()
	p, err := h.Cloud(ctx, b.name)
	if err != nil {
		t.Error("launch to clean up:", err)
		return
	}
	all, err := p.List(ctx, ownTags())
	if err != nil {
		t.Error("list to clean up:", err)
	}
	for _, s := range all {
		if err := p.Delete(ctx, s.Token); err != nil {
			t.Errorf("delete %q: %v", s.Token, err)
		}
	}
	if left, err := p.List(ctx, ownTags()); err != nil || len(left) > 0 {
		t.Errorf("after deleting all, list gives %d servers, %v", len(left), err)
	}
}

func cloudLife(t *testing.T, b *cloudBench) {
	_, p := b.provider(t)
	before := time.Now()
	s := b.create(t, p, b.spec("life"))
	if s.Token != "life" || s.Name != "conformance life" || s.Address == "" {
		t.Errorf("create gave %+v: token, name or address is wrong", s)
	}
	if !plugins.HasTags(s.Tags, ownTags()) {
		t.Errorf("create gave tags %v, without %v", s.Tags, ownTags())
	}
	if s.State != cloud.Starting && s.State != cloud.Running {
		t.Errorf("create gave state %q", s.State)
	}
	if d := s.CreatedAt.Sub(before); d < -time.Minute || d > b.subject.Limit {
		t.Errorf("created at %v, asked for at %v", s.CreatedAt, before)
	}
	for k := range s.Variables {
		if !strings.HasPrefix(k, "WRIGHT_APPSERVER_") {
			t.Errorf("variable %s does not start with WRIGHT_APPSERVER_", k)
		}
	}
	got, err := p.Get(b.call(t), "life")
	if err != nil || got.Address != s.Address || !got.CreatedAt.Equal(s.CreatedAt) {
		t.Errorf("get gave %+v, %v; create gave %+v", got, err, s)
	}
	if l := b.list(t, p, ownTags()); len(l) != 1 || l["life"].Address != s.Address {
		t.Errorf("list gave %v", l)
	}
	if err := p.Delete(b.call(t), "life"); err != nil {
		t.Fatal("delete:", err)
	}
	if l := b.list(t, p, ownTags()); len(l) != 0 {
		t.Errorf("after delete, list gave %v", l)
	}
}

func cloudSameToken(t *testing.T, b *cloudBench) {
	_, p := b.provider(t)
	first := b.create(t, p, b.spec("same"))
	second := b.create(t, p, b.spec("same"))
	if first.Address != second.Address || !first.CreatedAt.Equal(second.CreatedAt) {
		t.Errorf("the same token made %+v and %+v", first, second)
	}
	if l := b.list(t, p, ownTags()); len(l) != 1 {
		t.Errorf("list gave %d servers, want 1", len(l))
	}
	other := b.create(t, p, b.spec("other"))
	if other.Address == first.Address && other.Port == first.Port {
		t.Errorf("two servers share %s port %d", other.Address, other.Port)
	}
}

func cloudConcurrent(t *testing.T, b *cloudBench) {
	_, p := b.provider(t)
	const tokens, calls = 4, 4
	var wg sync.WaitGroup
	var made [tokens][calls]*cloud.Server
	for i := range tokens {
		for j := range calls {
			wg.Go(func() {
				s, err := p.Create(b.call(t), b.spec(fmt.Sprintf("token-%d", i)))
				if err != nil {
					t.Errorf("create %d for the time %d: %v", i, j, err)
				}
				made[i][j] = s
			})
		}
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	owner := map[string]int{}
	for i := range tokens {
		for j := range calls {
			key := fmt.Sprint(made[i][j].Address, " ", made[i][j].Port)
			if o, ok := owner[key]; ok && o != i {
				t.Errorf("tokens %d and %d share %s", o, i, key)
			}
			owner[key] = i
		}
	}
	if len(owner) != tokens || len(b.list(t, p, ownTags())) != tokens {
		t.Errorf("%d addresses and %d servers for %d tokens", len(owner), len(b.list(t, p, ownTags())), tokens)
	}
}

func cloudTags(t *testing.T, b *cloudBench) {
	_, p := b.provider(t)
	for _, color := range []string{"red", "blue"} {
		s := b.spec(color)
		s.Tags = withTag("color", color)
		b.create(t, p, s)
	}
	if l := b.list(t, p, withTag("color", "red")); len(l) != 1 || l["red"].Tags["color"] != "red" {
		t.Errorf("list of the red gave %v", l)
	}
	if l := b.list(t, p, ownTags()); len(l) != 2 {
		t.Errorf("list of all gave %v", l)
	}
	if l := b.list(t, p, map[string]string{plugins.InstallationTag: "another"}); len(l) != 0 {
		t.Errorf("list of another installation gave %v", l)
	}
}

func cloudMissing(t *testing.T, b *cloudBench) {
	_, p := b.provider(t)
	if err := p.Delete(b.call(t), "never made"); err != nil {
		t.Error("delete the missing:", err)
	}
	if s, err := p.Get(b.call(t), "never made"); plugins.CodeOf(err) != plugins.NotFound {
		t.Errorf("get the missing gave %v, %v; want the code not-found", s, err)
	}
	b.create(t, p, b.spec("twice"))
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := p.Delete(b.call(t), "twice"); err != nil {
				t.Error("delete several times at once:", err)
			}
		})
	}
	wg.Wait()
}

func cloudKilledInCreate(t *testing.T, b *cloudBench) {
	for i, delay := range killDelays() {
		token := fmt.Sprintf("killed-%d", i)
		h, p := b.provider(t)
		created := make(chan error, 1)
		go func() {
			_, err := p.Create(b.call(t), b.spec(token))
			created <- err
		}()
		<-time.After(delay)
		b.kill(t, h)
		err := <-created
		if err != nil && plugins.CodeOf(err) != plugins.Transient {
			t.Errorf("create killed after %v failed with code %q, want transient: %v", delay, plugins.CodeOf(err), err)
		}
		_, p = b.provider(t) // as an agent that was started again
		found, listed := b.list(t, p, ownTags())[token]
		if err == nil && !listed {
			t.Errorf("the server that create gave before the kill after %v is not listed", delay)
		}
		again := b.create(t, p, b.spec(token))
		if listed && found.Address != again.Address {
			t.Errorf("killed after %v: listed at %s, created again at %s", delay, found.Address, again.Address)
		}
		if l := b.list(t, p, ownTags()); len(l) != i+1 {
			t.Errorf("killed after %v: %d servers for %d tokens", delay, len(l), i+1)
		}
	}
}

func cloudKilledInDelete(t *testing.T, b *cloudBench) {
	for i, delay := range killDelays() {
		token := fmt.Sprintf("killed-%d", i)
		h, p := b.provider(t)
		b.create(t, p, b.spec(token))
		deleted := make(chan error, 1)
		go func() { deleted <- p.Delete(b.call(t), token) }()
		<-time.After(delay)
		b.kill(t, h)
		if err := <-deleted; err != nil && plugins.CodeOf(err) != plugins.Transient {
			t.Errorf("delete killed after %v failed with code %q, want transient: %v", delay, plugins.CodeOf(err), err)
		}
		_, p = b.provider(t)
		if err := p.Delete(b.call(t), token); err != nil {
			t.Errorf("delete again after a kill after %v: %v", delay, err)
		}
		if l := b.list(t, p, ownTags()); len(l) != 0 {
			t.Errorf("killed after %v and deleted again: list gave %v", delay, l)
		}
	}
}

func cloudSurvives(t *testing.T, b *cloudBench) {
	h, p := b.provider(t)
	s := b.create(t, p, b.spec("survivor"))
	b.kill(t, h)
	got, err := p.Get(b.call(t), "survivor")
	if plugins.CodeOf(err) == plugins.Transient { // the call met the kill
		got, err = p.Get(b.call(t), "survivor")
	}
	if err != nil || got.Address != s.Address {
		t.Fatalf("after a kill of the provider, get gave %+v, %v", got, err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	_, p = b.provider(t)
	if l := b.list(t, p, ownTags()); l["survivor"].Address != s.Address {
		t.Errorf("after a restart of the host, list gave %v", l)
	}
}

func cloudHostile(t *testing.T, b *cloudBench) {
	_, p := b.provider(t)
	for i, name := range hostile() {
		s := b.spec(fmt.Sprintf("hostile-%d", i))
		s.Name, s.Image, s.Tags = name, name, withTag("evil", name)
		b.hostile(t, p, s, "name "+fmt.Sprintf("%.40q", name))
		s = b.spec(name)
		b.hostile(t, p, s, "token "+fmt.Sprintf("%.40q", name))
	}
	s := b.spec("big config")
	s.Config = map[string]any{"big": strings.Repeat("x", plugins.MaxConfig)}
	if _, err := p.Create(b.call(t), s); !refused(err) {
		t.Errorf("a configuration of more than %d bytes gave %v", plugins.MaxConfig, err)
	}
	b.onlyState(t)
}

func (b *cloudBench) hostile(t *testing.T, p cloud.Provider, s cloud.Spec, what string) {
	t.Helper()
	made, err := p.Create(b.call(t), s)
	if err != nil {
		if !refused(err) {
			t.Errorf("%s: code %q, want invalid or none: %v", what, plugins.CodeOf(err), err)
		}
		return
	}
	if made.Token != s.Token || made.Name != s.Name || !plugins.HasTags(made.Tags, s.Tags) {
		t.Errorf("%s: accepted, but gave %+v", what, made)
	}
	if err := p.Delete(b.call(t), s.Token); err != nil {
		t.Errorf("%s: delete: %v", what, err)
	}
}

func cloudNoTime(t *testing.T, b *cloudBench) {
	_, p := b.provider(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Create(ctx, b.spec("late")); !errors.Is(err, context.Canceled) {
		t.Errorf("create with a cancelled context gave %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), time.Microsecond)
	defer cancel()
	if _, err := p.List(ctx, ownTags()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("list without time gave %v", err)
	}
}
