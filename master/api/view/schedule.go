package view

import "time"

// Start is when and why an instance is built next.
type Start struct {
	Instance string    `json:"instance"`
	NextAt   time.Time `json:"next_at,omitzero"` // no time: no clock starts it
	Kind     string    `json:"kind"`             // of that build: change, periodic; "" without a time
	Why      string    `json:"why"`
	Schedule string    `json:"schedule,omitempty"`
	Since    time.Time `json:"since,omitzero"` // from when its wait counts: the last start, or an AppServer made by hand
	After    []string  `json:"after"`
}
