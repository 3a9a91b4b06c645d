package view

import "time"

// Secret is one secret that the master keeps. What it is is never told.
type Secret struct {
	Name      string    `json:"name"`
	Instances []string  `json:"instances"` // patterns of the instances whose manifests may name it
	CreatedAt time.Time `json:"created_at,omitzero"`
}
