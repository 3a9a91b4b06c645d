package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/config/clouds"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/credential"
	"github.com/wright-build/wright/plugins/dns/webapi"
)

// access is how to log in at Keystone.
type access struct {
	CloudsFile       string `json:"clouds-file"`
	Cloud            string `json:"cloud"`
	AuthURL          string `json:"auth-url"`
	Region           string `json:"region"`
	Interface        string `json:"interface"`
	CAFile           string `json:"ca-file"`
	Endpoint         string `json:"endpoint"`
	CredentialID     string `json:"application-credential-id"`
	CredentialSecret string `json:"application-credential-secret"`
	Username         string `json:"username"`
	UserDomain       string `json:"user-domain"`
	Password         string `json:"password"`
	Project          string `json:"project"`
	ProjectDomain    string `json:"project-domain"`
}

// options reads the files that the settings name, at each login anew.
func (a access) options() (auth gophercloud.AuthOptions, at gophercloud.EndpointOpts, transport *http.Transport, err error) {
	transport = &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 30 * time.Second, ForceAttemptHTTP2: true,
	}
	if (a.Cloud == "") != (a.CloudsFile == "") {
		return auth, at, nil, plugins.Invalidf("settings.cloud", "and clouds-file belong together")
	}
	if a.Cloud != "" {
		if auth, at, transport.TLSClientConfig, err = clouds.Parse(clouds.WithLocations(a.CloudsFile), clouds.WithCloudName(a.Cloud)); err != nil {
			return auth, at, nil, plugins.Invalidf("settings.clouds-file", "read the cloud %q of %s: %w", a.Cloud, a.CloudsFile, err)
		}
	}
	if err := a.overlay(&auth, &at); err != nil {
		return auth, at, nil, err
	}
	if auth.IdentityEndpoint == "" {
		return auth, at, nil, plugins.Invalidf("settings.auth-url", "is missing: give it, or clouds-file and cloud")
	}
	return auth, at, transport, a.trust(transport)
}

// trust adds the certificates of ca-file.
func (a access) trust(t *http.Transport) error {
	if a.CAFile == "" {
		return nil
	}
	pem, err := os.ReadFile(a.CAFile)
	if err != nil {
		return plugins.Invalidf("settings.ca-file", "%w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return plugins.Invalidf("settings.ca-file", "%s holds no certificate in PEM", a.CAFile)
	}
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	t.TLSClientConfig.RootCAs = pool
	return nil
}

// overlay puts the settings over what clouds.yaml says.
func (a access) overlay(auth *gophercloud.AuthOptions, at *gophercloud.EndpointOpts) error {
	secret, err := credential.Read("settings.application-credential-secret", a.CredentialSecret)
	if err != nil {
		return err
	}
	password, err := credential.Read("settings.password", a.Password)
	if err != nil {
		return err
	}
	if a.AuthURL != "" {
		auth.IdentityEndpoint = a.AuthURL
	}
	if a.Region != "" {
		at.Region = a.Region
	}
	if a.Interface != "" {
		at.Availability = gophercloud.Availability(a.Interface)
	}
	switch {
	case secret != "":
		id := cmp.Or(a.CredentialID, auth.ApplicationCredentialID)
		*auth = gophercloud.AuthOptions{IdentityEndpoint: auth.IdentityEndpoint, ApplicationCredentialID: id, ApplicationCredentialSecret: secret}
	case password != "":
		auth.Password = password
		if a.Username != "" {
			auth.UserID, auth.Username, auth.DomainID, auth.DomainName = "", a.Username, "", a.UserDomain
		}
	}
	if auth.ApplicationCredentialSecret == "" && a.Project != "" {
		auth.TenantID, auth.TenantName = "", ""
		auth.Scope = &gophercloud.AuthScope{ProjectName: a.Project, DomainName: a.ProjectDomain}
	}
	if auth.ApplicationCredentialSecret == "" && auth.Password == "" && auth.TokenID == "" {
		return plugins.Errorf(plugins.Denied, "the settings hold neither a password nor the secret of an application credential")
	}
	return nil
}

// session is logged in until the token ends.
type session struct {
	access access
	turn   chan struct{} // holds one; who has put it there may use api
	api    *webapi.Client
	at     string // the URL of Designate
}

// endpoint gives the URL of Designate.
func (s *session) endpoint(ctx context.Context) (string, error) {
	_, err := s.client(ctx, nil)
	return s.at, err
}

func newSession(a access) *session { return &session{access: a, turn: make(chan struct{}, 1)} }

const (
	loginTime = 15 * time.Second
	loginTry  = 3
)

// do sends a request, with a new token once when the old one is at its end.
func (s *session) do(ctx context.Context, r webapi.Request) (http.Header, error) {
	api, err := s.client(ctx, nil)
	if err != nil {
		return nil, err
	}
	header, err := api.Do(ctx, r)
	if status, ok := errors.AsType[*webapi.Status](err); ok && status.Code == http.StatusUnauthorized {
		if api, err = s.client(ctx, api); err != nil {
			return nil, err
		}
		header, err = api.Do(ctx, r)
	}
	return header, ownWords(err)
}

// ownWords makes a 404 transient that Designate did not say itself: it says them in
// JSON, and that of a gateway would have zones and records forgotten that are there.
func ownWords(err error) error {
	var said map[string]json.RawMessage
	status, ok := errors.AsType[*webapi.Status](err)
	if !ok || status.Code != http.StatusNotFound || json.Unmarshal([]byte(status.Said), &said) == nil && len(said) > 0 {
		return err
	}
	return plugins.Errorf(plugins.Transient, "not said by Designate: %w", err)
}

// client gives one that is logged in, other than the one that is at its end.
// Calls at the same time wait for one login.
func (s *session) client(ctx context.Context, ended *webapi.Client) (*webapi.Client, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.api != nil && s.api != ended {
		return s.api, nil
	}
	api, err := s.login(ctx)
	if err == nil {
		s.api = api
	}
	return api, err
}

func (s *session) login(ctx context.Context) (*webapi.Client, error) {
	auth, at, transport, err := s.access.options()
	if err != nil {
		return nil, err
	}
	client, err := openstack.NewClient(auth.IdentityEndpoint)
	if err != nil {
		return nil, plugins.Invalidf("settings.auth-url", "%w", err)
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client.HTTPClient = http.Client{Transport: transport, Timeout: loginTime, CheckRedirect: stay}
	defer transport.CloseIdleConnections()
	for try := 1; ; try++ {
		err = openstack.Authenticate(ctx, client, auth)
		if err == nil || try == loginTry || ctx.Err() != nil || !mayWork(err) {
			break
		}
		wait(ctx, 200*time.Millisecond<<try)
	}
	if err != nil {
		return nil, loginError(ctx, auth, err)
	}
	endpoint := s.access.Endpoint
	if endpoint == "" {
		if endpoint, err = locate(client, at); err != nil {
			return nil, fmt.Errorf("log in at %s: %w", auth.IdentityEndpoint, err)
		}
	}
	token := client.Token()
	s.at = endpoint
	api, err := webapi.New("settings.endpoint", endpoint, "X-Auth-Token", "", func() (string, error) { return token, nil })
	if err == nil {
		api.Trust(transport.TLSClientConfig)
	}
	return api, err
}

// locate finds Designate in the catalog that came with the token.
func locate(client *gophercloud.ProviderClient, at gophercloud.EndpointOpts) (string, error) {
	result, ok := client.GetAuthResult().(interface {
		ExtractServiceCatalog() (*tokens.ServiceCatalog, error)
	})
	if !ok {
		return "", plugins.Invalidf("settings.auth-url", "there is no Keystone v3")
	}
	catalog, err := result.ExtractServiceCatalog()
	if err != nil {
		return "", plugins.Errorf(plugins.Transient, "read the catalog: %w", err)
	}
	at.ApplyDefaults("dns")
	endpoint, err := openstack.V3EndpointURL(catalog, at) //nolint:staticcheck // its successor asks Designate for versions, and there are no others
	if err != nil {
		return "", plugins.Invalidf("settings.region", "the catalog has no DNS service for the interface %s in the region %q: %w", at.Availability, at.Region, err)
	}
	return strings.TrimSuffix(strings.TrimSuffix(endpoint, "/"), "/v2"), nil
}

// mayWork says whether a login that failed may work a second time.
func mayWork(err error) bool {
	answer, ok := errors.AsType[gophercloud.ErrUnexpectedResponseCode](err)
	return !ok || codeOf(answer.Actual) == plugins.Transient
}

// loginError never holds the password, even if the answer repeats it.
func loginError(ctx context.Context, auth gophercloud.AuthOptions, err error) error {
	at := auth.IdentityEndpoint
	if ctx.Err() != nil {
		return fmt.Errorf("log in at %s: %w", at, ctx.Err())
	}
	if answer, ok := errors.AsType[gophercloud.ErrUnexpectedResponseCode](err); ok {
		err = fmt.Errorf("%d %s: %.300s", answer.Actual, http.StatusText(answer.Actual), hidden(string(answer.Body), auth.Password, auth.ApplicationCredentialSecret))
		if code := codeOf(answer.Actual); code != plugins.Transient {
			return plugins.Errorf(code, "log in at %s: %w", at, err)
		}
	}
	return plugins.Errorf(plugins.Transient, "log in at %s: %w", at, err)
}

// minSecret is how long a secret must be to be told from a common word.
const minSecret = 8

// hidden is a text without secrets, in JSON's spelling either.
func hidden(text string, secrets ...string) string {
	for _, secret := range secrets {
		spelled, err := json.Marshal(secret)
		if secret == "" || err != nil {
			continue
		}
		if text = strings.ReplaceAll(text, string(spelled), `"[hidden]"`); len(secret) >= minSecret {
			text = strings.ReplaceAll(text, secret, "[hidden]")
		}
	}
	return text
}

func codeOf(status int) plugins.Code {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return plugins.Denied
	case http.StatusBadRequest, http.StatusNotFound:
		return plugins.Invalid
	}
	return plugins.Transient
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
