package hook

import "fmt"

// zeros stands for no revision.
const zeros = "0000000000000000000000000000000000000000"

func changesBitbucket(event string, payload []byte) ([]Change, error) {
	switch event {
	case "repo:push":
		return changesCloud(payload)
	case "repo:refs_changed":
		return changesDataCenter(payload)
	case "diagnostics:ping":
		return nil, nil
	}
	return nil, errIgnored
}

// cloudPayload is what matters of Bitbucket Cloud's repo:push.
type cloudPayload struct {
	Push struct {
		Changes []struct {
			Old *cloudRef `json:"old"` // null: it was not there
			New *cloudRef `json:"new"` // null: it is not there any more
		} `json:"changes"`
	} `json:"push"`
	Repository struct {
		Links struct {
			HTML struct {
				Href string `json:"href"`
			} `json:"html"`
		} `json:"links"`
		MainBranch struct {
			Name string `json:"name"`
		} `json:"mainbranch"`
	} `json:"repository"`
}

type cloudRef struct {
	Type   string `json:"type"`
	Name   string `json:"name"`
	Target struct {
		Hash    string  `json:"hash"`
		Message *string `json:"message"`
	} `json:"target"`
}

// ref is its full name; "" if it is neither branch nor tag.
func (c *cloudRef) ref() string {
	switch c.Type {
	case "branch":
		return "refs/heads/" + c.Name
	case "tag", "annotated_tag":
		return "refs/tags/" + c.Name
	}
	return ""
}

func changesCloud(payload []byte) ([]Change, error) {
	var p cloudPayload
	if err := decode(payload, &p); err != nil {
		return nil, err
	}
	r, err := remoteOf(p.Repository.MainBranch.Name, p.Repository.Links.HTML.Href)
	if err != nil {
		return nil, err
	}
	if n := len(p.Push.Changes); n > maxChanges {
		return nil, fmt.Errorf("the payload has %d changes, more than %d", n, maxChanges)
	}
	var all []Change
	for _, c := range p.Push.Changes {
		changes, err := movedCloud(r, c.Old, c.New)
		if err != nil {
			return nil, err
		}
		all = append(all, changes...)
	}
	return all, nil
}

func movedCloud(r remote, old, fresh *cloudRef) ([]Change, error) {
	before, after, ref := zeros, zeros, ""
	var said *Said
	if old != nil {
		before, ref = old.Target.Hash, old.ref()
	}
	if fresh != nil {
		after, ref, said = fresh.Target.Hash, fresh.ref(), message(fresh.Target.Message)
	}
	if ref == "" {
		return nil, nil
	}
	return r.moved(ref, before, after, said)
}

// dataCenterPayload is what matters of Bitbucket Data Center's
// repo:refs_changed.
type dataCenterPayload struct {
	Changes []struct {
		RefID    string  `json:"refId"`
		FromHash string  `json:"fromHash"`
		ToHash   string  `json:"toHash"`
		ToCommit *commit `json:"toCommit"` // since 8.0
	} `json:"changes"`
	Repository struct {
		Links struct {
			Clone []struct {
				Href string `json:"href"`
			} `json:"clone"`
		} `json:"links"`
	} `json:"repository"`
}

func changesDataCenter(payload []byte) ([]Change, error) {
	var p dataCenterPayload
	if err := decode(payload, &p); err != nil {
		return nil, err
	}
	var urls []string
	for _, c := range p.Repository.Links.Clone {
		urls = append(urls, c.Href)
	}
	r, err := remoteOf("", urls...)
	if err != nil {
		return nil, err
	}
	if n := len(p.Changes); n > maxChanges {
		return nil, fmt.Errorf("the payload has %d changes, more than %d", n, maxChanges)
	}
	var all []Change
	for _, c := range p.Changes {
		changes, err := r.moved(c.RefID, c.FromHash, c.ToHash, c.ToCommit.says(c.ToHash))
		if err != nil {
			return nil, err
		}
		all = append(all, changes...)
	}
	return all, nil
}
