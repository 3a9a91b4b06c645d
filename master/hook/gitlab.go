package hook

import "fmt"

// gitLabPayload is what matters of GitLab's events push, tag_push and
// repository_update.
type gitLabPayload struct {
	EventName  string        `json:"event_name"`
	ObjectKind string        `json:"object_kind"` // the same, where there is no event_name
	gitLabMove               // of push and tag_push
	Changes    []gitLabMove  `json:"changes"` // of repository_update
	Project    gitLabProject `json:"project"`
}

type gitLabMove struct {
	Ref    string `json:"ref"`
	Before string `json:"before"`
	After  string `json:"after"`
}

type gitLabProject struct {
	HTTPURL       string `json:"git_http_url"`
	SSHURL        string `json:"git_ssh_url"`
	WebURL        string `json:"web_url"`
	DefaultBranch string `json:"default_branch"`
}

func changesGitLab(event string, payload []byte) ([]Change, error) {
	switch event {
	case "Push Hook", "Tag Push Hook", "System Hook":
	default:
		return nil, errIgnored
	}
	var p struct {
		EventName  string `json:"event_name"`
		ObjectKind string `json:"object_kind"`
	}
	if err := decode(payload, &p); err != nil {
		return nil, err
	}
	if p.EventName == "" {
		p.EventName = p.ObjectKind
	}
	switch p.EventName {
	case "push", "tag_push", "repository_update":
		return movesGitLab(payload)
	}
	return nil, errIgnored
}

// movesGitLab reads the payload of an event about refs: only these have
// "changes" of this form.
func movesGitLab(payload []byte) ([]Change, error) {
	var p gitLabPayload
	if err := decode(payload, &p); err != nil {
		return nil, err
	}
	r, err := remoteOf(p.Project.DefaultBranch, p.Project.HTTPURL, p.Project.SSHURL, p.Project.WebURL)
	if err != nil {
		return nil, err
	}
	moves := p.Changes
	if p.Ref != "" {
		moves = append(moves, p.gitLabMove)
	}
	if len(moves) > maxChanges {
		return nil, fmt.Errorf("the payload has %d changes, more than %d", len(moves), maxChanges)
	}
	told := commitsOf(payload)
	var all []Change
	for _, m := range moves {
		changes, err := r.moved(m.Ref, m.Before, m.After, told.says(m.After))
		if err != nil {
			return nil, err
		}
		all = append(all, changes...)
	}
	return all, nil
}
