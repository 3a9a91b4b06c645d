package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
	"github.com/wright-build/wright/master/api/view"
)

// history is what was seen of builds through the API, by several people at once
// and at all masters. It is linearizable if every answer fits one order of all
// questions in which none comes before it was asked or after it was answered.
type history struct {
	began time.Time

	mu  sync.Mutex // guards all below
	all []porcupine.Operation
}

// sight is one answer about one build.
type sight struct {
	id    string
	begun bool // it is the answer to who asked for the build: nobody saw it before
	stage int  // see stageOf; absent: there is none
	state string
}

const absent = -1

// stageOf orders what can be seen of a build: later attempts come after earlier
// ones, and within one it goes from queued to the end.
func stageOf(b view.Build) int {
	order := map[string]int{"queued": 0, "assigned": 1, "running": 2}
	stage, goes := order[b.State]
	if !goes {
		return 1 << 20
	}
	return b.Attempt*len(order) + stage
}

// add takes down an answer to what was asked at a time.
func (h *history) add(who int, asked time.Time, b view.Build, begun bool) {
	h.put(who, asked, sight{b.ID, begun, stageOf(b), b.State})
}

func (h *history) put(who int, asked time.Time, s sight) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, porcupine.Operation{ClientId: who, Input: s, Call: int64(asked.Sub(h.began)), Return: int64(time.Since(h.began))})
}

// model is that of one build, of which there is what was seen last. It goes on
// by itself, but never back, and not beyond its end.
func (h *history) model() porcupine.Model {
	return porcupine.Model{
		Partition: func(all []porcupine.Operation) [][]porcupine.Operation {
			of := map[string][]porcupine.Operation{}
			for _, o := range all {
				id := o.Input.(sight).id
				of[id] = append(of[id], o)
			}
			var parts [][]porcupine.Operation
			for _, part := range of {
				parts = append(parts, part)
			}
			return parts
		},
		Init: func() any { return sight{stage: absent} },
		Step: func(last, input, _ any) (bool, any) {
			before, now := last.(sight), input.(sight)
			fits := now.stage >= before.stage && (!now.begun || before.stage == absent)
			if ended := now.stage == before.stage && now.stage == 1<<20; ended && now.state != before.state {
				fits = false
			}
			return fits, now
		},
		DescribeOperation: func(input, _ any) string {
			s := input.(sight)
			return fmt.Sprintf("%s %s (%d)", s.id, s.state, s.stage)
		},
	}
}

// check says which builds were seen in ways that no order explains.
func (h *history) check() (wrong []string, undecided bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	model := h.model()
	for _, part := range model.Partition(h.all) {
		switch porcupine.CheckOperationsTimeout(model, part, time.Minute) {
		case porcupine.Illegal:
			slices.SortFunc(part, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
			text := ""
			for _, o := range part {
				text += fmt.Sprintf("\n  %s to %s: %s, by %d", time.Duration(o.Call), time.Duration(o.Return), model.DescribeOperation(o.Input, nil), o.ClientId)
			}
			wrong = append(wrong, text)
		case porcupine.Unknown:
			undecided = true
		}
	}
	return wrong, undecided
}

// ask asks one master for a build, and takes the answer down. An answer that says
// of itself that it may be old is none.
func (h *history) ask(house *wrighttest.House, who int, address, id string) {
	asked := time.Now()
	status, header, text, err := house.Call(http.MethodGet, address, "/builds/"+id, "")
	var b view.Build
	switch {
	case err != nil || header.Get("Wright-Stale") != "":
	case status == http.StatusNotFound:
		h.put(who, asked, sight{id, false, absent, "not found"})
	case status == http.StatusOK && json.Unmarshal(text, &b) == nil && b.ID == id:
		h.add(who, asked, b, false)
	}
}

// TestHistoriesAreJudged: what no order explains is found, and nothing else.
func TestHistoriesAreJudged(t *testing.T) {
	build := func(attempt int, state string) view.Build {
		return view.Build{ID: "a-000001", Attempt: attempt, State: state}
	}
	for name, c := range map[string]struct {
		seen  []view.Build // one after the other
		fits  bool
		least bool // all at once
	}{
		"goes on":           {[]view.Build{build(1, "queued"), build(1, "running"), build(2, "queued"), build(2, "succeeded"), build(2, "succeeded")}, true, true},
		"goes back":         {[]view.Build{build(1, "running"), build(1, "queued")}, false, true},
		"an attempt back":   {[]view.Build{build(2, "queued"), build(1, "running")}, false, true},
		"lives on":          {[]view.Build{build(1, "failed"), build(2, "running")}, false, true},
		"ends in two ways":  {[]view.Build{build(1, "failed"), build(1, "succeeded")}, false, false},
		"ends in one twice": {[]view.Build{build(1, "cancelled"), build(1, "cancelled")}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, together := range []bool{false, true} {
				h := history{}
				for i, b := range c.seen {
					at := int64(10 * i)
					o := porcupine.Operation{ClientId: i, Input: sight{b.ID, false, stageOf(b), b.State}, Call: at, Return: at + 5}
					if together {
						o.Return = 1000
					}
					h.all = append(h.all, o)
				}
				want := c.fits || together && c.least
				if wrong, _ := h.check(); (len(wrong) == 0) != want {
					t.Errorf("together %t: %v", together, wrong)
				}
			}
		})
	}
}

// onlookers ask for builds at all masters, and cancel some, until done.
const onlookers = 4

// look is one of them.
func (v *victim) look(who int, random *rand.Rand, done <-chan struct{}) {
	again := time.NewTicker(30 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-again.C:
		case <-done:
			return
		}
		id := v.recent(random)
		if id == "" {
			continue
		}
		address := v.addresses[random.IntN(len(v.addresses))]
		if random.IntN(100) > 0 {
			v.history.ask(v.h, who, address, id)
			continue
		}
		v.cancel(who, address, id)
	}
}

// recent is one of the builds that were asked for last.
func (v *victim) recent(random *rand.Rand) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.ids) == 0 {
		return ""
	}
	return v.ids[len(v.ids)-1-random.IntN(min(len(v.ids), tortureInFlight))]
}

// cancel cancels a build, which may end as cancelled from now on.
func (v *victim) cancel(who int, address, id string) {
	v.mu.Lock()
	v.cancels[id] = true
	v.mu.Unlock()
	asked := time.Now()
	status, _, text, err := v.h.Call(http.MethodPost, address, "/builds/"+id+"/cancel", "{}")
	var b view.Build
	if err == nil && status == http.StatusOK && json.Unmarshal(text, &b) == nil && b.ID == id {
		v.history.add(who, asked, b, false)
		v.note("cancel build")
	}
}
