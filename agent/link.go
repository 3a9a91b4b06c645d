package agent

import (
	"sync"

	"github.com/wright-build/wright/agent/way"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// link is the way to the master that leads: it keeps the newest word on every
// attempt until it is sent, whether there is a connection or not.
type link struct {
	way    *way.Way
	client agentv1.AgentsClient
	more   chan struct{}

	mu      sync.Mutex // guards all below
	words   map[key]*agentv1.Update
	results []*agentv1.FromAgent // of what the master asks again for if it does not hear them
}

// newLink prepares the way to the masters.
func newLink(cfg Config) (*link, error) {
	w, err := way.New(cfg.Address, cfg.Token)
	if err != nil {
		return nil, err
	}
	return &link{way: w, client: agentv1.NewAgentsClient(w), more: make(chan struct{}, 1), words: map[key]*agentv1.Update{}}, nil
}

func (l *link) close() { l.way.Close() }

// Client is for what has its own call: output and watch files.
func (l *link) Client() agentv1.AgentsClient { return l.client }

// Say queues a word for the master; a newer one replaces it.
func (l *link) Say(u *agentv1.Update) {
	l.mu.Lock()
	l.words[key{u.GetBuild(), u.GetAttempt()}] = u
	l.mu.Unlock()
	l.poke()
}

// drop forgets what was to be said of an attempt that is held no more: said after
// a Hello without it, it would be taken for a word of the attempt that comes next.
func (l *link) drop(k key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.words, k)
}

// result queues what became of an operation.
func (l *link) result(r *agentv1.OperationResult) {
	l.answer(&agentv1.FromAgent{Message: &agentv1.FromAgent_OperationResult{OperationResult: r}})
}

// answer queues what the master has asked for.
func (l *link) answer(m *agentv1.FromAgent) {
	l.mu.Lock()
	l.results = append(l.results, m)
	l.mu.Unlock()
	l.poke()
}

func (l *link) poke() {
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// take removes and returns what is queued.
func (l *link) take() ([]*agentv1.Update, []*agentv1.FromAgent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var words []*agentv1.Update
	for k, u := range l.words {
		words = append(words, u)
		delete(l.words, k)
	}
	results := l.results
	l.results = nil
	return words, results
}
