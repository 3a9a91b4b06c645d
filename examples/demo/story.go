package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

type build struct {
	ID        string `json:"id"`
	Number    int    `json:"number"`
	State     string `json:"state"`
	Reason    string `json:"reason"`
	Error     string `json:"error"`
	AppServer string `json:"appserver"`
}

type watch struct {
	URL      string `json:"url"`
	Ref      string `json:"ref"`
	Origin   string `json:"origin"`
	Revision string `json:"revision"`
}

type appServer struct {
	ID      string `json:"id"`
	State   string `json:"state"`
	Active  bool   `json:"active"`
	Address string `json:"address"`
}

// firstBuild builds the shop because we ask for it.
func (d *demo) firstBuild(ctx context.Context) error {
	d.say("3. The first build, because we ask for it")
	out, err := d.run(ctx, "build", "start", "shop", "--wait")
	if err != nil {
		log, _ := d.run(ctx, "build", "log", "shop")
		return fmt.Errorf("%w\n%s", err, log)
	}
	d.quote("wright build start shop --wait", out)
	if out, err = d.run(ctx, "appserver", "list"); err != nil {
		return err
	}
	d.quote("wright appserver list", out)
	page, err := d.fetch(ctx)
	if err != nil {
		return err
	}
	if !strings.Contains(page, "Theme: spring") {
		return fmt.Errorf("the shop does not show the theme:\n%s", page)
	}
	d.tick("built, tested, spawned, provisioned, healthy and active: %s shows the shop in its spring theme", d.shopURL())
	return nil
}

// watchesFound shows the list that the build reported.
func (d *demo) watchesFound(ctx context.Context) error {
	d.say("4. What the build found out by itself: the watch list")
	out, err := d.run(ctx, "watch", "list", "shop")
	if err != nil {
		return err
	}
	d.quote("wright watch list shop", out)
	var all []watch
	if err := d.ask(ctx, &all, "watch", "list", "shop"); err != nil {
		return err
	}
	has := func(name, origin string) bool {
		return slices.ContainsFunc(all, func(w watch) bool { return w.URL == d.remote(name) && (origin == "" || w.Origin == origin) })
	}
	switch {
	case !has("shop", "source"):
		return fmt.Errorf("the source is not watched: %+v", all)
	case !has("theme", "auto") || !has("greeting", "auto"):
		return fmt.Errorf("a live dependency is not watched: %+v", all)
	case has("price", ""):
		return fmt.Errorf("the pinned library is watched: %+v", all)
	}
	d.tick("the theme and the live library are watched from now on, the pinned library is not; no manifest names any of them")
	return nil
}

// themeMoves commits to the theme and sees the shop replaced.
func (d *demo) themeMoves(ctx context.Context) error {
	d.say("5. A commit to the theme, and the rebuild that nobody asked for")
	before, err := d.newest(ctx)
	if err != nil {
		return err
	}
	visitor := d.visit(ctx, 200)
	committed := time.Now()
	if err := d.change(ctx, "theme", "page.html", "Theme: spring", "Theme: autumn"); err != nil {
		return err
	}
	d.note("pushed to theme.git: the autumn theme; 200 visits a second go on meanwhile")
	b, err := d.built(ctx, before.Number+1)
	if err != nil {
		return err
	}
	d.note("%s %s: %s", b.ID, b.State, b.Reason)
	seen := visitor.stop()
	page, err := d.fetch(ctx)
	if err != nil {
		return err
	}
	if !strings.Contains(page, "Theme: autumn") {
		return fmt.Errorf("the shop still shows the old theme:\n%s", page)
	}
	if err := seen.check("Theme: spring", "Theme: autumn"); err != nil {
		return err
	}
	d.tick("%s after the push the shop shows the autumn theme", time.Since(committed).Round(10*time.Millisecond))
	d.tick("%d visits during the switch: no error, and none saw the old page after the new one", seen.count)
	return nil
}

// pinnedStands commits to the pinned library and to the live one: only one
// build follows, for the live one.
func (d *demo) pinnedStands(ctx context.Context) error {
	d.say("6. A commit to the pinned library: nobody cares")
	if err := d.change(ctx, "price", "price.go", "units and cents", "euros and cents"); err != nil {
		return err
	}
	d.note("pushed to price.git; the shop takes it at v1.0.0")
	return nil
}

func (d *demo) libraryMoves(ctx context.Context) error {
	d.say("7. A commit to the live library")
	before, err := d.newest(ctx)
	if err != nil {
		return err
	}
	if err := d.change(ctx, "greeting", "greeting.go", "Good tools", "Sharp tools"); err != nil {
		return err
	}
	b, err := d.built(ctx, before.Number+1)
	if err != nil {
		return err
	}
	d.note("%s %s: %s", b.ID, b.State, b.Reason)
	if strings.Contains(b.Reason, "price") || !strings.Contains(b.Reason, "greeting") {
		return fmt.Errorf("build %s was started because of %q, not of greeting alone", b.ID, b.Reason)
	}
	page, err := d.fetch(ctx)
	if err != nil {
		return err
	}
	if !strings.Contains(page, "Sharp tools") {
		return fmt.Errorf("the shop does not use the new library:\n%s", page)
	}
	d.tick("the shop greets with the new library; the pinned one started nothing")
	return nil
}

func (d *demo) newest(ctx context.Context) (build, error) {
	var all []build
	if err := d.ask(ctx, &all, "build", "list", "shop"); err != nil {
		return build{}, err
	}
	if len(all) == 0 {
		return build{}, fmt.Errorf("there is no build of shop")
	}
	return slices.MaxFunc(all, func(a, b build) int { return a.Number - b.Number }), nil
}

// built waits until the build of that number has succeeded.
func (d *demo) built(ctx context.Context, number int) (b build, err error) {
	err = d.await(ctx, fmt.Sprintf("build %d of shop", number), func() (bool, error) {
		if b, err = d.newest(ctx); err != nil {
			return false, err
		}
		switch {
		case b.Number > number:
			return false, fmt.Errorf("build %s was started for nothing: %s", b.ID, b.Reason)
		case b.Number == number && (b.State == "failed" || b.State == "errored"):
			return false, fmt.Errorf("build %s %s: %s", b.ID, b.State, b.Error)
		}
		return b.Number == number && b.State == "succeeded", nil
	})
	return b, err
}
