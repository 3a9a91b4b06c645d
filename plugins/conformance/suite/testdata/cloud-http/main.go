// Command cloud-http is a cloud provider over a small HTTP backend with pages,
// to test the suite with: with the setting bug it does one thing wrong.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

func main() {
	p := cloud.Plugin("http", "1.0.0", &provider{})
	p.Doc = "Servers of a small HTTP backend."
	p.Settings = plugins.Schema{
		{Name: "endpoint", Required: true, Doc: "URL of the backend."},
		{Name: "api-key", Required: true, Secret: true, Doc: "The key of the account."},
		{Name: "unique", Type: plugins.TypeBoolean, Default: true, Doc: "Whether the backend is given a key that it keeps unique."},
		{Name: "bug", Doc: "What to do wrong."},
	}
	p.Config = plugins.Schema{}
	plugins.Serve(p)
}

type provider struct {
	mu           sync.Mutex // guards all below
	bug          string
	backend      *backend
	notes        string // a directory, for the bug of that name
	unique       bool
	installation string
	making       sync.Mutex // held from looking to making where nothing is unique
}

func (p *provider) has(bug string) bool { return p.bug == bug }

func (p *provider) Configure(_ context.Context, s plugins.Settings) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bug, _ = s.Config["bug"].(string)
	p.installation = s.Installation
	p.unique, _ = s.Config["unique"].(bool)
	endpoint, _ := s.Config["endpoint"].(string)
	key, _ := s.Config["api-key"].(string)
	p.backend = newBackend(endpoint, key, p.bug)
	if p.has("asks at the start") {
		_, _ = p.backend.list(context.Background(), url.Values{})
	}
	p.notes = filepath.Join(s.StateDir, "notes")
	return os.MkdirAll(p.notes, 0o700)
}

// instance is a server, as the backend tells it.
type instance struct {
	ID      string            `json:"id"`
	Key     string            `json:"key"`
	Name    string            `json:"label"`
	Labels  map[string]string `json:"labels"`
	State   string            `json:"state"`
	Address string            `json:"address"`
	Created time.Time         `json:"created"`
}

const tokenLabel = "wright-token"

// keyOf is what the backend keeps unique: tokens of other installations may be equal.
func (p *provider) keyOf(token string) string {
	if !p.has("installation ignored") {
		token = p.installation + "\x00" + token
	}
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:16])
}

func (i instance) server() cloud.Server {
	tags := map[string]string{}
	for k, v := range i.Labels {
		if k != tokenLabel {
			tags[k] = v
		}
	}
	state := map[string]string{"building": cloud.Starting, "active": cloud.Running, "deleting": cloud.Deleting}[i.State]
	return cloud.Server{Token: i.Labels[tokenLabel], Name: i.Name, Address: i.Address, State: state, Tags: tags, CreatedAt: i.Created}
}

// find gives the instances of a token: one or none.
func (p *provider) find(ctx context.Context, token string) (*instance, error) {
	if !p.unique {
		return p.oldest(ctx, token)
	}
	found, err := p.backend.list(ctx, url.Values{"key": {p.keyOf(token)}})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// Create implements cloud.Provider.
func (p *provider) Create(ctx context.Context, s cloud.Spec) (*cloud.Server, error) {
	labels := map[string]string{tokenLabel: s.Token}
	if _, taken := s.Tags[tokenLabel]; taken && !p.has("a tag takes the token's place") {
		return nil, plugins.Invalidf("tags."+tokenLabel, "is the provider's own")
	}
	for k, v := range s.Tags {
		labels[k] = v
	}
	found, err := p.order(ctx, s, instance{Key: p.keyOf(s.Token), Name: s.Name, Labels: labels})
	if err != nil {
		return nil, err
	}
	for found.State != "active" {
		plugins.Report(ctx, "waiting for the server to boot", 0.5)
		select {
		case <-time.After(3 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if p.has("polls without error") {
			if f, _ := p.backend.get(ctx, found.ID); f != nil {
				found = f
			}
			continue
		}
		if p.has("gives up waiting") {
			if f, err := p.backend.get(ctx, found.ID); err == nil {
				found = f
				continue
			}
			break
		}
		if found, err = p.backend.get(ctx, found.ID); plugins.CodeOf(err) == plugins.NotFound {
			return p.Create(ctx, s) // it was being deleted, by a call that nobody waited for
		} else if err != nil {
			return nil, err
		}
	}
	made := found.server()
	return &made, nil
}

// order gives the instance of a token, and asks for it where there is none.
func (p *provider) order(ctx context.Context, s cloud.Spec, request instance) (*instance, error) {
	if !p.unique {
		p.making.Lock()
		defer p.making.Unlock()
		request.Key = ""
	}
	found, err := p.find(ctx, s.Token)
	if err == nil && (found == nil || p.has("never looks")) {
		if found, err = p.post(ctx, s, request); err != nil && !p.unique {
			return p.lookAgain(ctx, s.Token, err)
		}
	}
	if err == nil && p.has("no notes") && found.Labels[tokenLabel] == "" {
		found.Labels = request.Labels // nobody but a Create that is repeated finds it before
		return p.backend.put(ctx, *found)
	}
	return found, err
}

func (p *provider) post(ctx context.Context, s cloud.Spec, request instance) (*instance, error) {
	late := p.has("tags afterwards")
	if late || p.has("notes of its own") || p.has("never looks") || p.has("repeats the post") {
		request.Key = "" // such providers have no backend that helps
	}
	if late || p.has("no notes") {
		request.Labels = nil
	}
	if p.has("disks never removed") {
		if err := p.backend.do(ctx, "POST", "/v1/disks", map[string]string{"for": s.Token}, nil); err != nil {
			return nil, err
		}
	}
	made, err := p.backend.post(ctx, request)
	for tries := 0; p.has("repeats the post") && err != nil && tries < 3; tries++ {
		made, err = p.backend.post(ctx, request)
	}
	if errors.Is(err, errTaken) { // by another call, a moment ago
		made, err = p.find(ctx, s.Token)
		if err == nil && made == nil {
			err = plugins.RetryAfter(time.Second, errors.New("the server is being deleted"))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("make the server: %w", err)
	}
	if late {
		made.Labels = map[string]string{tokenLabel: s.Token}
		for k, v := range s.Tags {
			made.Labels[k] = v
		}
		made.Key = p.keyOf(s.Token)
		return p.backend.put(ctx, *made)
	}
	if p.has("notes of its own") {
		b, _ := json.Marshal(made.ID)
		_ = os.WriteFile(filepath.Join(p.notes, p.keyOf(s.Token)), b, 0o600)
	}
	return made, nil
}

// Get implements cloud.Provider.
func (p *provider) Get(ctx context.Context, token string) (*cloud.Server, error) {
	found, err := p.find(ctx, token)
	if p.has("get: any error is not-found") && err != nil {
		return nil, plugins.Errorf(plugins.NotFound, "there is no such server")
	}
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, plugins.Errorf(plugins.NotFound, "there is no server with this token")
	}
	s := found.server()
	return &s, nil
}

// List implements cloud.Provider.
func (p *provider) List(ctx context.Context, tags map[string]string) ([]cloud.Server, error) {
	query := url.Values{}
	for k, v := range tags {
		query.Add("tag", k+"="+v)
	}
	found, err := p.backend.list(ctx, query)
	if p.has("list: an error is an empty list") && err != nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list := []cloud.Server{}
	for _, i := range found {
		if i.Labels[tokenLabel] == "" { // somebody else's
			continue
		}
		if plugins.HasTags(i.server().Tags, tags) && !p.younger(list, i) {
			list = append(list, i.server())
		}
	}
	if p.has("notes of its own") {
		list = p.noted(list)
	}
	return list, nil
}

// noted keeps what the provider has a note of.
func (p *provider) noted(list []cloud.Server) []cloud.Server {
	kept := list[:0]
	for _, s := range list {
		if _, err := os.Stat(filepath.Join(p.notes, p.keyOf(s.Token))); err == nil {
			kept = append(kept, s)
		}
	}
	return kept
}

// Delete implements cloud.Provider.
func (p *provider) Delete(ctx context.Context, token string) error {
	for {
		found, err := p.find(ctx, token)
		if err != nil {
			if p.has("delete: any error is success") {
				return nil
			}
			return err
		}
		if found == nil {
			return nil
		}
		if err := p.backend.delete(ctx, found.ID); err != nil && plugins.CodeOf(err) != plugins.NotFound {
			if p.has("delete: any error is success") {
				return nil
			}
			return err
		}
		if p.has("delete does not wait") {
			return nil
		}
		if p.has("no second look, and Delete takes the first") {
			return p.isGone(ctx, found.ID)
		}
		select {
		case <-time.After(3 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
