package main

import (
	"net/url"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/credential"
)

// settings is the provider's table of the agent's configuration.
type settings struct {
	Token    string           `json:"token"`
	Endpoint string           `json:"endpoint"`
	Flavor   string           `json:"flavor"`
	Image    string           `json:"image"`
	Timeout  plugins.Duration `json:"timeout"`
}

// check finds what is wrong with the settings before the first call.
func (s *settings) check() error {
	if s.Endpoint == "" {
		s.Endpoint = "https://api.hetzner.cloud/v1"
	}
	if s.Timeout <= 0 {
		s.Timeout = plugins.Duration(30 * time.Second)
	}
	u, err := url.Parse(s.Endpoint)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return plugins.Invalidf("settings.endpoint", "is no URL of an HTTP service, such as https://api.hetzner.cloud/v1")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return plugins.Invalidf("settings.endpoint", "must hold neither a user nor a query")
	}
	return nil
}

// secret reads the token; from a file at every call, so that it can be replaced.
func (s settings) secret() (string, error) {
	token, err := credential.Read("settings.token", s.Token)
	if err == nil && token == "" {
		err = plugins.Errorf(plugins.Denied, "hcloud: the settings hold no token")
	}
	return token, err
}
