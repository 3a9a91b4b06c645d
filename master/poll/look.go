package poll

import (
	"context"
	"fmt"
	"time"

	"github.com/wright-build/wright/master/poll/ask"
	"github.com/wright-build/wright/master/watchlist"
)

// look is a question about something else than refs. It takes a place of its
// host like the others, and has its own key in the agenda.
type look struct {
	key     watchlist.RemoteKey
	host    string
	granted chan struct{} // closed when it may begin
}

// lookNews is that a look wants a place, or is over.
type lookNews struct {
	*look
	over bool
}

// place waits until one more question may go to where a URL leads.
func (p *Poller) place(ctx context.Context, url string) (leave func(), err error) {
	host := ask.Host(url)
	if host == "" {
		return func() {}, nil
	}
	l := &look{host: host, granted: make(chan struct{})}
	p.mu.Lock()
	p.looked++
	l.key = watchlist.RemoteKey(fmt.Sprintf("look %d", p.looked))
	p.mu.Unlock()
	p.tellLook(lookNews{l, false})
	leave = func() { p.tellLook(lookNews{l, true}) }
	select {
	case <-l.granted:
		return leave, nil
	case <-ctx.Done():
		leave()
		return nil, fmt.Errorf("wait until %s may be asked: %w", host, ctx.Err())
	}
}

func (p *Poller) tellLook(n lookNews) {
	p.mu.Lock()
	p.looks = append(p.looks, n)
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// takeLooks returns what is new of looks since the last time.
func (p *Poller) takeLooks() []lookNews {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.looks
	p.looks = nil
	return all
}

// arrange gives looks their turn, which comes before that of what is asked
// again and again, and takes back the places of those that are over.
func (l *loop) arrange(all []lookNews, now time.Time) {
	for _, n := range all {
		if !n.over {
			l.looks[n.key] = n.look
			l.agenda.add(n.key, n.host, now)
			l.agenda.urge(n.key)
			continue
		}
		delete(l.looks, n.key)
		l.agenda.done(n.key, now, 0, false)
		l.agenda.drop(n.key)
	}
}

// start begins what is to be asked now.
func (l *loop) start(ctx context.Context, now time.Time) {
	for _, key := range l.agenda.start(now) {
		if look := l.looks[key]; look != nil {
			close(look.granted)
			continue
		}
		l.launch(ctx, key)
	}
}
