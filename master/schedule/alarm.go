package schedule

import (
	"container/heap"
	"time"
)

// alarms are the times at which instances are to be decided about again, the
// next one first.
type alarms struct {
	all []alarm
	at  map[alarmKey]int // index in all
}

// alarmKey is an instance and what about it.
type alarmKey struct {
	instance string
	what     subject
}

type alarm struct {
	alarmKey
	time time.Time
}

// subject is what is to be decided.
type subject int

const (
	changes subject = iota
	periods
)

func newAlarms() *alarms { return &alarms{at: map[alarmKey]int{}} }

// set moves an alarm, or takes it away if the time is zero.
func (a *alarms) set(k alarmKey, t time.Time) {
	i, ok := a.at[k]
	switch {
	case t.IsZero() && ok:
		heap.Remove(a, i)
	case t.IsZero():
	case ok:
		a.all[i].time = t
		heap.Fix(a, i)
	default:
		heap.Push(a, alarm{k, t})
	}
}

// next is the time of the first one; ok is false if there is none.
func (a *alarms) next() (t time.Time, ok bool) {
	if len(a.all) == 0 {
		return time.Time{}, false
	}
	return a.all[0].time, true
}

// take takes the alarms whose time has come.
func (a *alarms) take(now time.Time) (due []alarmKey) {
	for len(a.all) > 0 && !a.all[0].time.After(now) {
		due = append(due, a.all[0].alarmKey)
		heap.Pop(a)
	}
	return due
}

// Len is heap.Interface's, as are those that follow.
func (a *alarms) Len() int { return len(a.all) }

// Less orders by time, then so that it is the same each time.
func (a *alarms) Less(i, j int) bool {
	if !a.all[i].time.Equal(a.all[j].time) {
		return a.all[i].time.Before(a.all[j].time)
	}
	return a.all[i].instance < a.all[j].instance
}

// Swap swaps two.
func (a *alarms) Swap(i, j int) {
	a.all[i], a.all[j] = a.all[j], a.all[i]
	a.at[a.all[i].alarmKey], a.at[a.all[j].alarmKey] = i, j
}

// Push is for package heap only.
func (a *alarms) Push(x any) {
	a.at[x.(alarm).alarmKey] = len(a.all)
	a.all = append(a.all, x.(alarm))
}

// Pop is for package heap only.
func (a *alarms) Pop() any {
	last := a.all[len(a.all)-1]
	a.all = a.all[:len(a.all)-1]
	delete(a.at, last.alarmKey)
	return last
}
