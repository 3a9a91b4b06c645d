package view

import "time"

// Unowned is a thing that a provider holds under this installation's tag and
// nobody owns.
type Unowned struct {
	Kind      string    `json:"kind"` // cloud, database, dns, balancer
	Provider  string    `json:"provider"`
	Agents    []string  `json:"agents"` // that list it
	Token     string    `json:"token"`  // of a name: the name
	Instance  string    `json:"instance,omitempty"`
	State     string    `json:"state"` // waiting, held back, failing, ended
	CreatedAt time.Time `json:"created_at,omitzero"`
	Since     time.Time `json:"since"`  // it is known that nobody owns it
	DueAt     time.Time `json:"due_at"` // when it ends, should nobody own it then
	Error     string    `json:"error,omitempty"`
}

// ReapPlace is a provider at an agent that is asked what it holds.
type ReapPlace struct {
	Kind      string    `json:"kind"`
	Provider  string    `json:"provider"`
	Agent     string    `json:"agent"`
	CheckedAt time.Time `json:"checked_at,omitzero"`
	Listed    int       `json:"listed"`
	Unowned   int       `json:"unowned"`
	HeldBack  bool      `json:"held_back"` // until a person allows it
	Error     string    `json:"error,omitempty"`
}
