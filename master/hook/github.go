package hook

import "strings"

// gitHubPayload is what matters of GitHub's events push, create, delete and
// repository, and of Gitea's and Forgejo's.
type gitHubPayload struct {
	Ref        string `json:"ref"`      // full with push, short with create and delete
	RefType    string `json:"ref_type"` // of create and delete
	Before     string `json:"before"`
	After      string `json:"after"`
	Action     string `json:"action"` // of repository
	Repository struct {
		CloneURL      string `json:"clone_url"`
		SSHURL        string `json:"ssh_url"`
		GitURL        string `json:"git_url"`
		HTMLURL       string `json:"html_url"`
		DefaultBranch string `json:"default_branch"`
	} `json:"repository"`
}

func changesGitHub(event string, payload []byte) ([]Change, error) {
	switch event {
	case "push", "create", "delete", "repository":
	case "ping":
		return nil, nil
	default:
		return nil, errIgnored
	}
	var p gitHubPayload
	if err := decode(payload, &p); err != nil {
		return nil, err
	}
	if event == "repository" && p.Action != "edited" {
		return nil, errIgnored
	}
	repo := p.Repository
	r, err := remoteOf(repo.DefaultBranch, repo.CloneURL, repo.SSHURL, repo.GitURL, repo.HTMLURL)
	switch {
	case err != nil:
		return nil, err
	case event == "push":
		return r.moved(p.Ref, p.Before, p.After, commitsOf(payload).says(p.After))
	case event == "repository": // maybe HEAD leads elsewhere
		return r.touched("HEAD")
	}
	return r.touched(fullRef(p.RefType, p.Ref))
}

// fullRef is the full name of a branch or tag.
func fullRef(kind, name string) string {
	switch {
	case strings.HasPrefix(name, "refs/"):
		return name
	case kind == "tag":
		return "refs/tags/" + name
	}
	return "refs/heads/" + name
}
