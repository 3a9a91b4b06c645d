package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/wright-build/wright/master/api"
	"github.com/wright-build/wright/master/api/apitest"
	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

// reaper remembers what it was asked.
type reaper struct{ asked []string }

func (r *reaper) Reap(_ context.Context, provider string, force bool) error {
	r.asked = append(r.asked, fmt.Sprint(provider, " ", force))
	if provider == "cloud/none" {
		return fmt.Errorf("reap: %w", store.ErrNotFound)
	}
	return nil
}

func (r *reaper) Unowned() []view.Unowned {
	return []view.Unowned{{Kind: "cloud", Token: "shop-000001.1", Agents: []string{"one"}}}
}

func (r *reaper) Places() []view.ReapPlace {
	return []view.ReapPlace{{Kind: "cloud", Provider: "process", HeldBack: true}}
}

func TestReaping(t *testing.T) {
	w := apitest.New(t)
	cfg, r := w.Config(), &reaper{}
	cfg.Reaper = r
	srv := httptest.NewServer(api.New(cfg))
	defer srv.Close()
	c, err := client.New(srv.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if all, err := c.Unowned(ctx); err != nil || len(all) != 1 || all[0].Token != "shop-000001.1" {
		t.Errorf("%+v, %v", all, err)
	}
	if all, err := c.ReapPlaces(ctx); err != nil || len(all) != 1 || !all[0].HeldBack {
		t.Errorf("%+v, %v", all, err)
	}
	if all, err := c.Reap(ctx, "cloud/process", true); err != nil || len(all) != 1 || fmt.Sprint(r.asked) != "[cloud/process true]" {
		t.Errorf("%+v, %v, asked %v", all, err, r.asked)
	}
	var refused *client.Error
	if _, err := c.Reap(ctx, "cloud/none", false); !errors.As(err, &refused) || refused.Status != http.StatusNotFound {
		t.Errorf("a provider that nobody has: %v", err)
	}
}

// A terminating AppServer says whom it waits for, and can be given up; another
// one cannot.
func TestForgetting(t *testing.T) {
	w, c, _ := serve(t)
	ending := &state.AppServer{
		ID: "shop-000001.1", Instance: "shop", State: state.Terminating, Agent: "gone", Operation: &state.Operation{ID: "x", Doing: state.Terminate},
	}
	w.Put(ending.Put(), (&state.AppServer{ID: "shop-000002.1", Instance: "shop", State: state.Healthy}).Put())
	a, err := c.AppServer(t.Context(), ending.ID)
	if err != nil || a.Waiting != "for agent gone, which is not connected" || a.Doing != "terminate" {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := c.Forget(t.Context(), ending.ID); err != nil || fmt.Sprint(w.Wanted()) != "[forget shop-000001.1]" {
		t.Errorf("forget: %v, %v", err, w.Wanted())
	}
	for id, status := range map[string]int{"shop-000002.1": http.StatusConflict, "shop-000003.1": http.StatusNotFound} {
		var refused *client.Error
		if _, err := c.Forget(t.Context(), id); !errors.As(err, &refused) || refused.Status != status {
			t.Errorf("forget %s: %v", id, err)
		}
	}
}
