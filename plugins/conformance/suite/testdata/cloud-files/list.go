package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

// server is what the provider answers with.
func (p *provider) server(path string, r record) cloud.Server {
	s := cloud.Server{
		Token: r.Token, Name: r.Name, Address: r.Address, Port: r.Port, State: r.State, Tags: r.Tags, CreatedAt: r.CreatedAt,
		Variables: map[string]string{"WRIGHT_APPSERVER_ENV": path + ".env"},
	}
	switch p.bug {
	case "ports of its own": // which is no bug
		if s.Port = 0; r.State == cloud.Running {
			s.Port = 20_000 + int(r.CreatedAt.UnixMicro()%10_000)
		}
	case "no time":
		s.CreatedAt = time.Time{}
	case "time of the call":
		s.CreatedAt = time.Now()
	case "address of the call":
		s.Address = fmt.Sprintf("10.9.9.%d", time.Now().UnixMicro()%250)
	case "no address":
		s.Address = ""
	case "variables without prefix":
		s.Variables["ENV_FILE"] = path
	case "variables of the call":
		s.Variables["WRIGHT_APPSERVER_LOG"] = fmt.Sprint(time.Now().UnixNano())
	case "state unknown":
		s.State = "ACTIVE"
	}
	return s
}

// Get implements cloud.Provider.
func (p *provider) Get(_ context.Context, token string) (*cloud.Server, error) {
	path := p.path(token)
	if p.has("memory only") {
		path = filepath.Join(p.dir, fmt.Sprint(os.Getpid()), filepath.Base(path))
	}
	r, err := p.read(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && r.Hidden {
		switch p.bug {
		case "get of the missing gives an empty server":
			return &cloud.Server{}, nil
		case "get of the missing without a code":
			return nil, err
		case "get of the missing is invalid":
			return nil, plugins.Invalidf("token", "there is none")
		}
		return nil, plugins.Errorf(plugins.NotFound, "there is no server with this token")
	}
	if err != nil {
		return nil, err
	}
	s := p.server(path, *r)
	if p.has("get without variables") {
		s.Variables = nil
	}
	return &s, nil
}

// List implements cloud.Provider.
func (p *provider) List(ctx context.Context, tags map[string]string) ([]cloud.Server, error) {
	list := []cloud.Server{}
	dir := p.dir
	if p.has("memory only") {
		dir = filepath.Join(p.dir, fmt.Sprint(os.Getpid()))
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !p.has("memory only") {
		return nil, err
	}
	if p.has("list fails on what vanishes") {
		time.Sleep(50 * time.Millisecond) // the machine may be slow: what was seen has to have the time to go
	}
	for _, e := range entries {
		path, ok := strings.CutSuffix(filepath.Join(dir, e.Name()), ".json")
		if !ok {
			continue
		}
		r, err := p.read(path)
		if errors.Is(err, fs.ErrNotExist) && !p.has("list fails on what vanishes") {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		if p.has("deleting not listed") && r.State == cloud.Deleting {
			continue
		}
		if r.Hidden || p.unseen(r) || !p.selects(r, tags) || p.has("half-made not listed") && r.State == cloud.Starting {
			continue
		}
		list = append(list, p.server(path, *r))
	}
	return p.paged(list), ctx.Err()
}

// paged is what careless handling of pages of 10 does to a list.
func (p *provider) paged(list []cloud.Server) []cloud.Server {
	switch {
	case p.has("first page only") && len(list) > 10:
		return list[:10]
	case p.has("page twice") && len(list) > 10:
		return append(slices.Clone(list), list[:10]...)
	case p.has("page skipped") && len(list) > 20:
		return append(slices.Clone(list[:10]), list[20:]...)
	case p.has("border twice") && len(list) > 10:
		return slices.Insert(slices.Clone(list), 10, list[9])
	case p.has("border skipped") && len(list) > 10:
		return slices.Delete(slices.Clone(list), 10, 11)
	}
	return list
}

func (p *provider) selects(r *record, tags map[string]string) bool {
	switch p.bug {
	case "list ignores tags":
		return true
	case "list by the installation only":
		return r.Tags[plugins.InstallationTag] == tags[plugins.InstallationTag]
	case "list by any tag":
		for k, v := range tags {
			if r.Tags[k] == v {
				return true
			}
		}
		return len(tags) == 0
	case "list by names of tags":
		for k := range tags {
			if _, ok := r.Tags[k]; !ok {
				return false
			}
		}
		return true
	case "installation by its beginning", "installation without case":
		want := maps.Clone(tags)
		have := r.Tags[plugins.InstallationTag]
		if asked, ok := want[plugins.InstallationTag]; ok && (p.has("installation without case") && strings.EqualFold(have, asked) || p.has("installation by its beginning") && strings.HasPrefix(have, asked)) {
			delete(want, plugins.InstallationTag)
		}
		return plugins.HasTags(r.Tags, want)
	case "list without case":
		for k, v := range tags {
			if !strings.EqualFold(r.Tags[k], v) {
				return false
			}
		}
		return true
	case "tags as one text":
		flat := map[string]bool{}
		for k, v := range r.Tags {
			flat[k+"="+v] = true
		}
		for k, v := range tags {
			if !flat[k+"="+v] {
				return false
			}
		}
		return true
	case "list finds nothing without tags of its own":
		return len(tags) < 2 && plugins.HasTags(r.Tags, tags)
	}
	return plugins.HasTags(r.Tags, tags)
}

// Delete implements cloud.Provider.
func (p *provider) Delete(ctx context.Context, token string) error {
	if !p.has("made for nobody") {
		unlock, err := p.lockFor(token)
		if err != nil {
			return err
		}
		defer unlock()
	}
	if err := ctx.Err(); err != nil {
		return err // who gave up may have had it made again meanwhile
	}
	path := p.path(token)
	r, err := p.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		if p.has("delete of the missing fails") {
			return plugins.Errorf(plugins.NotFound, "there is no such server")
		}
		if p.has("repeated delete without a code") {
			return err
		}
		p.tidy(path)
		return nil
	}
	if err != nil {
		return err
	}
	return p.remove(path, r)
}

func (p *provider) remove(path string, r *record) error {
	switch p.bug {
	case "delete does nothing":
		return nil
	case "delete hides":
		r.Hidden = true
		return p.write(path, r)
	case "delete later":
		go func() {
			time.Sleep(300 * time.Millisecond)
			_ = os.Remove(path + ".json")
		}()
		return nil
	case "delete takes the like":
		all, _ := p.List(context.Background(), nil)
		for _, s := range all {
			if s.Name == r.Name {
				_ = os.Remove(p.path(s.Token) + ".json")
			}
		}
	case "delete of the half-made fails":
		if r.State == cloud.Starting {
			return plugins.Errorf(plugins.Transient, "it is still starting")
		}
	case "delete leaves its note":
		r.State, r.Address = cloud.Starting, ""
		return p.write(path, r)
	case "delete forgets the disk":
		_ = os.WriteFile(path+".disk", nil, 0o600)
		return os.Remove(path + ".json")
	}
	r.State = cloud.Deleting
	if err := p.write(path, r); err != nil {
		return err
	}
	time.Sleep(3 * time.Millisecond) // as if there were something to end
	p.tidy(path)
	return os.Remove(path + ".json")
}

// tidy removes all but the record, which goes last, and the lock, which stays.
func (p *provider) tidy(path string) {
	_ = os.Remove(path + ".env")
	_ = os.Remove(path + ".tmp")
	if !p.has("leak on cancel") && !p.has("artifact first") && !p.has("cancel removes the record only") && !p.has("delete forgets the disk") {
		_ = os.Remove(path + ".disk")
	}
}
