package view

// Artifact is a file that a build has kept.
type Artifact struct {
	Path       string `json:"path"` // in its workspace, with slashes
	Size       int64  `json:"size"` // bytes
	SHA256     string `json:"sha256"`
	Executable bool   `json:"executable,omitempty"`
}

// Tests is what the test reports of a build say.
type Tests struct {
	Passed  int64  `json:"passed"`
	Failed  int64  `json:"failed"`
	Errored int64  `json:"errored"`
	Skipped int64  `json:"skipped"`
	Cases   []Test `json:"cases,omitempty"` // that did not pass, as far as they are kept
}

// Test is one that did not pass.
type Test struct {
	Suite   string  `json:"suite"`
	Name    string  `json:"name"`
	Outcome string  `json:"outcome"` // failed, errored, skipped
	Message string  `json:"message"`
	Seconds float64 `json:"seconds"`
}
