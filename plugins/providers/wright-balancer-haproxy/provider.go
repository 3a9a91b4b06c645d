package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/balancer"
)

// provider keeps routes in the files of one HAProxy.
type provider struct {
	mu        sync.Mutex // guards all below
	desk      *desk      // nil before Configure
	resolvers string
}

var (
	_ balancer.Provider  = (*provider)(nil)
	_ plugins.Configurer = (*provider)(nil)
)

// settings is the provider's table of the agent's configuration.
type settings struct {
	Fragments string   `json:"fragments"`
	Config    []string `json:"config"`
	Master    string   `json:"master-socket"`
	Program   string   `json:"program"`
	Resolvers string   `json:"resolvers"`
}

var sectionName = regexp.MustCompile(`^[A-Za-z0-9_.:-]*$`)

// Configure implements plugins.Configurer.
func (p *provider) Configure(_ context.Context, s plugins.Settings) error {
	var o settings
	if err := plugins.ReadConfig(s.Config, &o); err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	program, err := findProgram(o.Program)
	if err != nil {
		return err
	}
	w := works{folder: folder{filepath.Clean(o.Fragments)}, master: master{o.Master}, program: program, config: o.Config}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resolvers = o.Resolvers
	if p.desk == nil {
		p.desk = &desk{}
	}
	p.desk.use(w)
	return nil
}

func (o settings) check() error {
	for field, path := range map[string]string{"settings.fragments": o.Fragments, "settings.master-socket": o.Master} {
		if !filepath.IsAbs(path) {
			return plugins.Invalidf(field, "%.200q is not an absolute path", path)
		}
	}
	for _, path := range o.Config {
		if !filepath.IsAbs(path) {
			return plugins.Invalidf("settings.config", "%.200q is not an absolute path", path)
		}
	}
	if !sectionName.MatchString(o.Resolvers) {
		return plugins.Invalidf("settings.resolvers", "%.80q is no name of a section", o.Resolvers)
	}
	if info, err := os.Stat(o.Fragments); err != nil || !info.IsDir() {
		return plugins.Invalidf("settings.fragments", "%.200q is no directory", o.Fragments)
	}
	return nil
}

// findProgram looks also where daemons are.
func findProgram(name string) (string, error) {
	for _, path := range []string{name, filepath.Join("/usr/local/sbin", name), filepath.Join("/usr/sbin", name)} {
		if found, err := exec.LookPath(path); err == nil {
			return found, nil
		}
	}
	return "", plugins.Invalidf("settings.program", "there is no program %.200q", name)
}

// Set implements balancer.Provider.
func (p *provider) Set(ctx context.Context, s balancer.Spec) error {
	installation := s.Tags[plugins.InstallationTag]
	if installation == "" {
		return plugins.Invalidf("tags."+plugins.InstallationTag, "is missing: nobody would own the route")
	}
	d, resolvers, err := p.configured()
	if err != nil {
		return err
	}
	r, o, err := newRoute(s, resolvers)
	if err != nil {
		return err
	}
	f, err := render(r, o, resolvers)
	if err != nil {
		return err
	}
	return coded(d.submit(ctx, change{name: r.Name, installation: installation, wanted: &f}))
}

// Delete implements balancer.Provider.
func (p *provider) Delete(ctx context.Context, name string, tags map[string]string) error {
	installation := tags[plugins.InstallationTag]
	if installation == "" {
		return plugins.Invalidf("tags."+plugins.InstallationTag, "is missing: nobody owns such a route")
	}
	d, _, err := p.configured()
	if err != nil {
		return err
	}
	if name, err = normal(name); err != nil {
		return err
	}
	return coded(d.submit(ctx, change{name: name, installation: installation}))
}

// List implements balancer.Provider.
func (p *provider) List(ctx context.Context, tags map[string]string) ([]balancer.Route, error) {
	d, _, err := p.configured()
	if err != nil {
		return nil, err
	}
	all, err := d.works().folder.routes(ctx)
	if err != nil {
		return nil, coded(err)
	}
	var list []balancer.Route
	for _, r := range all {
		if plugins.HasTags(r.Tags, tags) {
			list = append(list, r.public())
		}
	}
	slices.SortFunc(list, func(a, b balancer.Route) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func (p *provider) configured() (*desk, string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.desk == nil {
		return nil, "", errors.New("the provider is not configured yet")
	}
	return p.desk, p.resolvers, nil
}

// coded says of an error of the file system what a caller can do about it.
func coded(err error) error {
	switch {
	case err == nil || plugins.CodeOf(err) != plugins.Unknown || errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, fs.ErrPermission):
		return plugins.Errorf(plugins.Denied, "%w", err)
	case errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT):
		return plugins.Errorf(plugins.Quota, "%w", err)
	}
	return plugins.Errorf(plugins.Transient, "%w", err)
}
