package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/config/clouds"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/credential"
)

// settings is the provider's table of the agent's configuration.
type settings struct {
	CloudsFile string           `json:"clouds-file"`
	Cloud      string           `json:"cloud"`
	AuthURL    string           `json:"auth-url"`
	Region     string           `json:"region"`
	Interface  string           `json:"interface"`
	CAFile     string           `json:"ca-file"`
	Timeout    plugins.Duration `json:"timeout"`

	CredentialID     string `json:"application-credential-id"`
	CredentialName   string `json:"application-credential-name"`
	CredentialSecret string `json:"application-credential-secret"`

	Username      string `json:"username"`
	UserID        string `json:"user-id"`
	UserDomain    string `json:"user-domain"`
	Password      string `json:"password"`
	Project       string `json:"project"`
	ProjectID     string `json:"project-id"`
	ProjectDomain string `json:"project-domain"`
}

// access is how to log in, and where.
type access struct {
	auth     gophercloud.AuthOptions
	endpoint gophercloud.EndpointOpts
	tls      *tls.Config
	timeout  time.Duration
}

// access reads the files that the settings name. They are read again whenever
// the provider logs in anew, so a changed secret is noticed.
func (s settings) access() (access, error) {
	a := access{timeout: time.Duration(s.Timeout)}
	if a.timeout <= 0 {
		a.timeout = 30 * time.Second
	}
	secret, err1 := credential.Read("settings.application-credential-secret", s.CredentialSecret)
	password, err2 := credential.Read("settings.password", s.Password)
	if err := errors.Join(err1, err2); err != nil {
		return a, err
	}
	s.CredentialSecret, s.Password = secret, password
	if s.Cloud != "" || s.CloudsFile != "" {
		if err := s.fromClouds(&a); err != nil {
			return a, err
		}
	}
	s.overlay(&a)
	if a.auth.IdentityEndpoint == "" {
		return a, plugins.Invalidf("settings.auth-url", "is missing: give it, or clouds-file and cloud")
	}
	if a.auth.Password == "" && a.auth.ApplicationCredentialSecret == "" && a.auth.TokenID == "" {
		return a, plugins.Errorf(plugins.Denied, "the settings hold neither a password nor the secret of an application credential")
	}
	a.auth.AllowReauth = a.auth.TokenID == ""
	return a, s.trust(&a)
}

func (s settings) fromClouds(a *access) error {
	if s.Cloud == "" || s.CloudsFile == "" {
		return plugins.Invalidf("settings.cloud", "clouds-file and cloud belong together")
	}
	var err error
	a.auth, a.endpoint, a.tls, err = clouds.Parse(clouds.WithLocations(s.CloudsFile), clouds.WithCloudName(s.Cloud))
	if err != nil {
		return plugins.Invalidf("settings.clouds-file", "read cloud %q of %s: %w", s.Cloud, s.CloudsFile, err)
	}
	return nil
}

// overlay puts what the settings say over what clouds.yaml says.
func (s settings) overlay(a *access) {
	set := func(to *string, value string) {
		if value != "" {
			*to = value
		}
	}
	set(&a.auth.IdentityEndpoint, s.AuthURL)
	set(&a.endpoint.Region, s.Region)
	if s.Interface != "" {
		a.endpoint.Availability = gophercloud.Availability(s.Interface)
	}
	switch {
	case s.CredentialSecret != "":
		if s.CredentialID != "" || s.CredentialName != "" {
			a.auth.ApplicationCredentialID, a.auth.ApplicationCredentialName = s.CredentialID, s.CredentialName
		}
		a.auth.ApplicationCredentialSecret = s.CredentialSecret
		a.auth.Password, a.auth.Scope, a.auth.TenantID, a.auth.TenantName = "", nil, "", "" // the credential has its own project
		set(&a.auth.Username, s.Username)
		set(&a.auth.UserID, s.UserID)
		if s.CredentialName != "" && s.CredentialID == "" && a.auth.UserID == "" {
			a.auth.DomainName = s.UserDomain
		}
	case s.Password != "":
		a.auth.Password = s.Password
		if s.Username != "" || s.UserID != "" {
			a.auth.Username, a.auth.UserID, a.auth.DomainID, a.auth.DomainName = s.Username, s.UserID, "", ""
		}
		if s.Username != "" && s.UserID == "" {
			a.auth.DomainName = s.UserDomain
		}
	}
	if s.CredentialSecret == "" && (s.ProjectID != "" || s.Project != "") {
		a.auth.Scope = &gophercloud.AuthScope{ProjectID: s.ProjectID}
		if s.ProjectID == "" {
			a.auth.Scope = &gophercloud.AuthScope{ProjectName: s.Project, DomainName: s.ProjectDomain}
		}
		a.auth.TenantID, a.auth.TenantName = "", ""
	}
}

// trust adds the certificates of ca-file.
func (s settings) trust(a *access) error {
	if s.CAFile == "" {
		return nil
	}
	pem, err := os.ReadFile(s.CAFile)
	if err != nil {
		return plugins.Invalidf("settings.ca-file", "%w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return plugins.Invalidf("settings.ca-file", "%s holds no certificate in PEM", s.CAFile)
	}
	if a.tls == nil {
		a.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	a.tls.RootCAs = pool
	return nil
}

// check finds what is wrong with the settings before the first call.
func (s settings) check() error {
	_, err := s.access()
	if err != nil && plugins.CodeOf(err) != plugins.Denied {
		return fmt.Errorf("openstack: %w", err)
	}
	return nil
}
