package main

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/cloud/onhost"
)

var _ cloud.Consoler = (*provider)(nil)

// Console implements cloud.Consoler: it gives the end of what run wrote.
func (p *provider) Console(_ context.Context, token string) ([]byte, error) {
	servers, err := p.servers()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(servers, onhost.IDOf(token))
	if _, err := onhost.Read[record](dir); errors.Is(err, fs.ErrNotExist) {
		return nil, plugins.Errorf(plugins.NotFound, "there is no server with this token")
	} else if err != nil {
		return nil, err
	}
	return onhost.LastOutput(filepath.Join(dir, logFile), cloud.MaxConsole)
}
