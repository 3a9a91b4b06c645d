package hook

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/wright-build/wright/manifests"
)

// genericChange is what programs of our users send, one or a list of them.
type genericChange struct {
	VCS     string  `json:"vcs"` // "" is git
	URL     string  `json:"url"`
	Ref     string  `json:"ref"`
	Before  *string `json:"before"` // without both, the remote is asked; "" or zeros: none
	After   *string `json:"after"`
	Message *string `json:"message"` // of the commit After; without it, it is looked up where it matters
}

func changesGeneric(_ string, payload []byte) ([]Change, error) {
	list, err := decodeGeneric(payload)
	if err != nil {
		return nil, err
	}
	if len(list) > maxChanges {
		return nil, fmt.Errorf("%d changes, more than %d", len(list), maxChanges)
	}
	var all []Change
	for i, g := range list {
		changes, err := g.changes()
		if err != nil {
			return nil, fmt.Errorf("change %d: %w", i+1, err)
		}
		all = append(all, changes...)
	}
	return all, nil
}

// decodeGeneric is strict: who writes such a sender learns what is wrong.
func decodeGeneric(payload []byte) ([]genericChange, error) {
	var one genericChange
	var list []genericChange
	var into any = &one
	isList := bytes.HasPrefix(bytes.TrimLeft(payload, " \t\r\n"), []byte("["))
	if isList {
		into = &list
	}
	dec := json.NewDecoder(bytes.NewReader(payload))
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if err == nil && dec.More() {
		err = errors.New("more than one JSON value")
	}
	if err != nil {
		return nil, fmt.Errorf(`the body is not {"url", "ref", "before", "after", "message"} or a list of them: %w`, err)
	}
	if !isList {
		list = []genericChange{one}
	}
	return list, nil
}

func (g genericChange) changes() ([]Change, error) {
	r := remote{vcs: cmp.Or(g.VCS, "git"), urls: []string{g.URL}}
	if r.vcs == "hg" {
		r.branch = "default"
	}
	if err := manifests.CheckURL(r.vcs, g.URL); err != nil {
		return nil, err
	}
	if g.Before == nil || g.After == nil {
		return r.touched(g.Ref)
	}
	return r.moved(g.Ref, cmp.Or(*g.Before, zeros), cmp.Or(*g.After, zeros), message(g.Message))
}
