package hook

import (
	"crypto/sha256"
	"net/http"
	"sync"
	"time"
)

const (
	maxRemembered = 10000     // keys of one hook; two for each delivery of a forge
	memoryTime    = time.Hour // how long deliveries of forges are remembered
)

// remember takes down a delivery and tells whether it came before: under its
// ID, or word for word under another one, since IDs are not signed. What is
// signed for a moment is refused the second time.
func (k *hook) remember(d delivery, now time.Time) (again bool, err error) {
	if k.Kind == "generic" {
		switch k.seen.add(keysOf(k, d)[0], now.Add(2*k.Window), now, false) {
		case known:
			return false, refusal(http.StatusConflict, "this was sent before: sign each delivery anew")
		case full:
			return false, refusal(http.StatusTooManyRequests, "too many deliveries within the window")
		}
		return false, nil
	}
	for _, key := range keysOf(k, d) {
		again = k.seen.add(key, now.Add(memoryTime), now, true) == known || again
	}
	return again, nil
}

// forget makes a delivery that came to nothing as if it had not come.
func (k *hook) forget(d delivery) {
	for _, key := range keysOf(k, d) {
		k.seen.remove(key)
	}
}

// keysOf is what a delivery is remembered under.
func keysOf(k *hook, d delivery) []string {
	if k.Kind == "generic" {
		_, signature := genericSignature(d)
		return []string{signature}
	}
	digest := sha256.Sum256(d.body)
	keys := []string{"body " + string(digest[:])}
	if id := d.first(k.ids); id != "" && len(id) <= 200 {
		keys = append(keys, "id "+id)
	}
	return keys
}

// memory remembers keys, each for some time, and never more than most.
type memory struct {
	most int

	mu    sync.Mutex // guards all below
	until map[string]time.Time
	order []string // the oldest first; may hold some that are removed
}

func newMemory(most int) *memory { return &memory{most: most, until: map[string]time.Time{}} }

type recall int

const (
	fresh recall = iota
	known
	full // and not taken down
)

// add takes down a key. When there are too many, the oldest goes if evict says
// so; otherwise the new one is not taken down.
func (m *memory) add(key string, until, now time.Time, evict bool) recall {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.order) > 0 && !m.until[m.order[0]].After(now) {
		m.drop()
	}
	if _, there := m.until[key]; there {
		return known
	}
	if len(m.until) >= m.most {
		if !evict {
			return full
		}
		for len(m.until) >= m.most {
			m.drop()
		}
	}
	m.until[key] = until
	m.order = append(m.order, key)
	return fresh
}

// drop forgets the oldest key.
func (m *memory) drop() {
	delete(m.until, m.order[0])
	m.order = m.order[1:]
}

func (m *memory) remove(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.until, key)
}
