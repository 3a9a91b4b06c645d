package notify

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

// Due is a notice that was not delivered, and why.
type Due struct {
	*state.Notice
	Where  string    // where it goes, without what may be as good as a password
	Why    string    // why it waits; "": it is about to be sent
	NextAt time.Time // the next try; zero: now, or never
}

// List tells what is due, the oldest first, and after that what was given up of
// late.
func (r *Notifier) List() []Due {
	var all []Due
	now := r.cfg.Now()
	r.cfg.Store.Read(func(f *state.Facts) {
		for _, n := range f.Notices {
			all = append(all, Due{Notice: n, Where: where(n), NextAt: r.nextAt(n)})
		}
	})
	for i := range all {
		all[i].explain(&r.lanes, now)
	}
	slices.SortFunc(all, func(a, b Due) int {
		return cmp.Or(compareBool(!a.GivenUpAt.IsZero(), !b.GivenUpAt.IsZero()), a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// explain says why a notice waits: its own error, or that of the far side.
func (d *Due) explain(all *lanes, now time.Time) {
	d.Why = d.Error
	if !d.GivenUpAt.IsZero() {
		return
	}
	if trouble, until := all.trouble(laneOf(d.Notice)); trouble != "" {
		d.Why = cmp.Or(d.Why, trouble)
		if until.After(d.NextAt) {
			d.NextAt = until
		}
	}
	if !d.NextAt.After(now) {
		d.NextAt = time.Time{}
	}
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// where shows of a webhook's URL only the host: such a path is often a secret.
func where(n *state.Notice) string {
	if n.Channel == webhookChannel {
		if u, err := url.Parse(n.To); err == nil {
			return u.Scheme + "://" + u.Host + "/…"
		}
	}
	return strings.TrimSpace(n.To)
}

// Test sends a mail that says only that it came, and waits for the server's word.
func (r *Notifier) Test(ctx context.Context, to string) error {
	if err := manifests.CheckMailAddress(to); err != nil {
		return err
	}
	if r.cfg.Mail == nil {
		return errNoMail
	}
	return r.cfg.Mail.Test(ctx, to, r.cfg.Page, r.cfg.Now())
}
