package view

import "time"

// Notice is something that somebody is still to hear of, or will not.
type Notice struct {
	ID        string    `json:"id"`
	Channel   string    `json:"channel"` // mail, webhook, github, gitlab, gitea, forgejo, plugin
	Event     string    `json:"event"`
	Instance  string    `json:"instance"`
	Build     string    `json:"build"`
	To        string    `json:"to"`
	DueAt     time.Time `json:"due_at"`
	Tries     int       `json:"tries"`
	NextAt    time.Time `json:"next_at,omitzero"`     // of the next try
	GivenUpAt time.Time `json:"given_up_at,omitzero"` // it is tried no more
	Error     string    `json:"error"`                // why it waits, or was given up
}
