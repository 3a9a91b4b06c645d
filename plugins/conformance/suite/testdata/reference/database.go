package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database"
)

// databases is the provider of the kind database: a file for each. The ledger
// has what was promised before there is a file.
type databases struct{ *base }

var _ database.Provider = (*databases)(nil)

// record is one database with all who use it.
type record struct {
	database.Database
	Instance string
	Path     string
	Password string
	Tokens   []string
}

func (d *databases) all() ledger[record] { return ledger[record]{d.base, "databases"} }

// key finds a database again.
func (d *databases) key(s database.Spec) string {
	name, instance := s.Name, s.Instance
	if d.bug("tokens trimmed") {
		s.Token = strings.TrimSpace(s.Token)
	}
	if d.bug("names cut") && len(name) > 60 {
		name = name[:60]
	}
	if d.bug("case ignored") {
		name, instance = strings.ToLower(name), strings.ToLower(instance)
	}
	switch {
	case d.bug("persistent by token"), !s.Persistent && !d.bug("ephemeral by name"):
		return "token\n" + s.Token
	case d.bug("instance ignored"):
		return "kept\n" + name
	case d.bug("run together"):
		return "kept\n" + instance + name
	case d.bug("joined by a dash"):
		return "kept\n" + instance + "-" + name
	}
	return "kept\n" + instance + "\n" + name
}

// Create implements database.Provider.
func (d *databases) Create(ctx context.Context, s database.Spec) (*database.Database, error) {
	if d.bug("panics on unicode") {
		for _, r := range s.Name {
			_ = [128]bool{}[r]
		}
	}
	if d.bug("file first") {
		path := d.path(d.key(s))
		if err := errors.Join(touch(path), d.pause(ctx)); err != nil {
			return nil, err
		}
	}
	if d.bug("twice at once") {
		all, err := d.all().read(ctx)
		if err == nil {
			err = d.pause(ctx)
		}
		if err != nil {
			return nil, err
		}
		if _, ok := all[d.key(s)]; !ok {
			s.Config = map[string]any{"again": rand.Text()}
		}
	}
	var made record
	err := d.all().change(ctx, func(all map[string]record) error {
		if r, ok := holder(all, s.Token); ok && !d.bug("name decides") {
			s.Name, s.Instance, s.Persistent, s.Tags = r.Name, r.Instance, r.Persistent, r.Tags
		}
		made = d.take(all, s)
		all[d.key(s)] = made
		return nil
	})
	if err != nil {
		return nil, err
	}
	if d.bug("delete of the half-made fails") {
		if err := d.pause(ctx); err != nil {
			return nil, err
		}
	}
	if d.bug("password as an argument") {
		_ = exec.CommandContext(ctx, "sh", "-c", "sleep 0.3", "client", "--password="+s.Password).Run()
	}
	if d.bug("data of the deleted") {
		_ = os.Rename(made.Path+".old", made.Path) // there is none the first time
	}
	if err := touch(made.Path); err != nil {
		return nil, err
	}
	if d.bug("secret in log") {
		d.config().Log.Info("made a database", "url", made.URL)
	}
	made.Token = s.Token
	return &made.Database, nil
}

// holder is the record that has a token already.
func holder(all map[string]record, token string) (record, bool) {
	for _, r := range all {
		if slices.Contains(r.Tokens, token) {
			return r, true
		}
	}
	return record{}, false
}

// take gives the record that the spec finds, or a new one.
func (d *databases) take(all map[string]record, s database.Spec) record {
	r, ok := all[d.key(s)]
	if !ok || d.bug("token ignored") || s.Config["again"] != nil {
		r.Path = d.path(d.key(s))
		if d.bug("token ignored") || s.Config["again"] != nil {
			r.Path = d.path(rand.Text())
		}
		r.Password = rand.Text()
	}
	if d.bug("password changes") {
		r.Password = rand.Text()
	}
	if s.Password != "" && !d.bug("password ignored") {
		r.Password = s.Password
		if d.bug("password cut") {
			r.Password = r.Password[:min(len(r.Password), 64)]
		}
	} else if s.Password == "" && d.bug("password lost") {
		r.Password = ""
	}
	r.Name, r.Persistent, r.Instance, r.Tags = s.Name, s.Persistent, s.Instance, d.tags(s.Tags)
	if d.bug("never persistent") {
		r.Persistent = false
	}
	if !slices.Contains(r.Tokens, s.Token) {
		r.Tokens = append(r.Tokens, s.Token)
	}
	r.URL = (&url.URL{Scheme: d.text("scheme"), User: url.UserPassword("reference", r.Password), Path: r.Path}).String()
	if d.bug("url without a scheme") {
		r.URL = r.Path
	}
	r.Variables = map[string]string{"URL": r.URL, "PATH": r.Path}
	if d.bug("variable of another") {
		r.Variables["URL"] = "file:///elsewhere"
	}
	return r
}

func (d *databases) path(key string) string {
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(d.config().StateDir, "data", hex.EncodeToString(sum[:16]))
}

// touch makes an empty file unless there is one.
func touch(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// List implements database.Provider.
func (d *databases) List(ctx context.Context, tags map[string]string) ([]database.Database, error) {
	all, err := d.all().sorted(ctx)
	if err != nil {
		return nil, err
	}
	list := []database.Database{}
	for _, r := range all {
		if !d.selects(r.Tags, tags) {
			continue
		}
		if len(r.Tokens) == 0 && !d.bug("unused not listed") {
			r.Tokens = []string{""}
		}
		for _, token := range r.Tokens {
			one := r.Database
			one.Token = token
			list = append(list, one)
		}
	}
	return pages(d.base, list), nil
}

// Delete implements database.Provider. What is written down goes last.
func (d *databases) Delete(ctx context.Context, token string) error {
	found := false
	err := d.all().change(ctx, func(all map[string]record) error {
		for _, k := range slices.Sorted(maps.Keys(all)) {
			r := all[k]
			if !slices.Contains(r.Tokens, token) && !(d.bug("delete by the beginning") && strings.HasPrefix(strings.Join(r.Tokens, "\n"), token)) {
				continue
			}
			found = true
			if r.Persistent && !d.bug("persistent deleted") {
				r.Tokens = slices.DeleteFunc(r.Tokens, func(t string) bool { return t == token || d.bug("all tokens let go") })
				if len(r.Tokens) == 0 && d.bug("emptied with the last token") {
					_ = os.Truncate(r.Path, 0)
				}
				if len(r.Tokens) == 0 && d.bug("password lost with the last token") {
					r.Password = rand.Text()
				}
				all[k] = r
				continue
			}
			if err := d.remove(ctx, r.Path); err != nil {
				return err
			}
			delete(all, k)
		}
		if d.bug("delete takes all") {
			clear(all)
		}
		return nil
	})
	if err == nil && !found && d.bug("missing is an error") {
		return plugins.Errorf(plugins.NotFound, "there is no database of this token")
	}
	return err
}

func (d *databases) remove(ctx context.Context, path string) error {
	switch {
	case d.bug("delete keeps the data"):
		return nil
	case d.bug("data of the deleted"):
		return os.Rename(path, path+".old")
	case d.bug("delete later"):
		go func() {
			<-time.After(time.Second)
			_ = os.Remove(path)
		}()
		return nil
	}
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) || d.bug("delete of the half-made fails") {
		return err
	}
	return nil
}
