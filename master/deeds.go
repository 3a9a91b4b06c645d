package master

import (
	"context"
	"time"

	"github.com/wright-build/wright/master/api"
	"github.com/wright-build/wright/master/dispatch"
	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/poll"
	"github.com/wright-build/wright/master/schedule"
	"github.com/wright-build/wright/master/state"
)

// builds is what the faces may do to builds: schedule starts them, dispatch
// ends them.
type builds struct {
	schedule *schedule.Scheduler
	dispatch *dispatch.Dispatcher
}

func (b builds) Start(ctx context.Context, instance string, r api.Request) (state.Build, error) {
	return b.schedule.Start(ctx, instance, schedule.Request(r))
}

func (b builds) StartMany(ctx context.Context, instance string, r api.Request, count int) ([]state.Build, error) {
	return b.schedule.StartMany(ctx, instance, schedule.Request(r), count)
}

func (b builds) Cancel(ctx context.Context, id state.BuildID, why string) error {
	return b.dispatch.Cancel(ctx, id, why)
}

// instances is what the faces may do to instances.
type instances struct {
	*schedule.Scheduler
	logs *logs.Logs
}

func (i instances) Delete(ctx context.Context, instance string) error {
	if err := i.Deletable(instance); err != nil {
		return err
	}
	if err := i.logs.RemoveAll(instance); err != nil {
		return err
	}
	return i.Scheduler.Delete(ctx, instance)
}

// polls tells the faces how remotes are doing.
type polls struct{ *poll.Poller }

func (p polls) Status(vcs, url string) (checkedAt time.Time, err string) {
	s := p.Poller.Status(vcs, url)
	return s.CheckedAt, s.Error
}

func (p polls) CheckNow(url string) { p.Poller.CheckNow(url) }
