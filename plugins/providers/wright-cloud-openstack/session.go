package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
)

// session is the provider logged in.
type session struct {
	compute, image, network *gophercloud.ServiceClient
	volume                  *gophercloud.ServiceClient // nil where the cloud has no volumes
}

// microversion of nova: from here on servers can be made with tags.
const microversion = "2.52"

// login asks for a token and finds the services. The token is renewed when it
// ends.
func login(ctx context.Context, a access) (*session, error) {
	client, err := openstack.NewClient(a.auth.IdentityEndpoint)
	if err != nil {
		return nil, err
	}
	client.UseTokenLock()
	client.HTTPClient = http.Client{
		Transport: &transport{timeout: a.timeout, secrets: []string{a.auth.Password, a.auth.ApplicationCredentialSecret, a.auth.TokenID}, base: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: a.tls, ForceAttemptHTTP2: true,
			DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 30 * time.Second, MaxIdleConnsPerHost: 8, MaxConnsPerHost: 32,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if err := openstack.Authenticate(ctx, client, a.auth); err != nil {
		return nil, err
	}
	if err := locate(ctx, client); err != nil {
		return nil, err
	}
	s := &session{}
	if s.compute, err = openstack.NewComputeV2(client, a.endpoint); err != nil {
		return nil, err
	}
	s.compute.Microversion = microversion
	if s.image, err = openstack.NewImageV2(client, a.endpoint); err != nil {
		return nil, err
	}
	if s.network, err = openstack.NewNetworkV2(client, a.endpoint); err != nil {
		return nil, err
	}
	s.volume, err = openstack.NewBlockStorageV3(client, a.endpoint)
	if noEndpoint(err) {
		s.volume, err = nil, nil
	}
	return s, err
}

// locate has services looked for as long as ctx lasts; without it they are
// looked for forever.
func locate(ctx context.Context, client *gophercloud.ProviderClient) error {
	result, ok := client.GetAuthResult().(interface {
		ExtractServiceCatalog() (*tokens.ServiceCatalog, error)
	})
	if !ok {
		return errors.New("the cloud speaks no Keystone v3")
	}
	catalog, err := result.ExtractServiceCatalog()
	if err != nil {
		return fmt.Errorf("read the catalog: %w", err)
	}
	client.EndpointLocator = func(o gophercloud.EndpointOpts) (string, error) {
		at, err := openstack.V3Endpoint(ctx, client, catalog, o)
		if err != nil {
			return "", fmt.Errorf("look for the service %s in region %q: %w", o.Type, o.Region, err)
		}
		return at, nil
	}
	return nil
}

// noEndpoint says whether the catalog lacks a service.
func noEndpoint(err error) bool { return errors.As(err, new(*gophercloud.ErrEndpointNotFound)) }

// session logs in at the first call. Calls at the same time wait for one login.
func (p *provider) session(ctx context.Context) (*session, error) {
	select {
	case p.logins <- struct{}{}:
		defer func() { <-p.logins }()
	case <-ctx.Done():
		return nil, wrong(ctx, "log in", ctx.Err())
	}
	if p.in != nil {
		return p.in, nil
	}
	a, err := p.settings.access()
	if err != nil {
		return nil, wrong(ctx, "log in", err)
	}
	s, err := login(ctx, a)
	if err != nil {
		return nil, wrong(ctx, "log in at "+place(a.auth.IdentityEndpoint), err)
	}
	p.in = s
	return s, nil
}
