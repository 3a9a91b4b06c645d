package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wright-build/wright/plugins"
)

const cloudsYAML = `clouds:
  one:
    auth: {auth_url: "https://one.test/v3", username: u, password: p, project_name: shop, user_domain_name: D, project_domain_name: D}
    region_name: North
    interface: internal
  two:
    auth_type: v3applicationcredential
    auth: {auth_url: "https://two.test/v3", application_credential_id: id, application_credential_secret: s}
`

func TestAccess(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file := write("clouds.yaml", cloudsYAML)
	secret := "file:" + write("secret", "from a file\n")

	a, err := settings{CloudsFile: file, Cloud: "one", Region: "South"}.access()
	if err != nil || a.auth.IdentityEndpoint != "https://one.test/v3" || a.auth.Username != "u" || a.auth.Password != "p" || a.auth.Scope.ProjectName != "shop" ||
		a.endpoint.Region != "South" || a.endpoint.Availability != "internal" || !a.auth.AllowReauth {
		t.Errorf("clouds.yaml: %+v, %v", a, err)
	}
	a, err = settings{CloudsFile: file, Cloud: "two"}.access()
	if err != nil || a.auth.ApplicationCredentialID != "id" || a.auth.ApplicationCredentialSecret != "s" {
		t.Errorf("an application credential of clouds.yaml: %+v, %v", a, err)
	}
	a, err = settings{CloudsFile: file, Cloud: "one", CredentialID: "id", CredentialSecret: secret}.access()
	if err != nil || a.auth.ApplicationCredentialSecret != "from a file" || a.auth.Password != "" || a.auth.Scope != nil {
		t.Errorf("an application credential over clouds.yaml: %+v, %v", a, err)
	}
	a, err = settings{CloudsFile: file, Cloud: "one", Password: secret, UserDomain: "Default", ProjectDomain: "Default"}.access()
	if err != nil || a.auth.Password != "from a file" || a.auth.Username != "u" || a.auth.DomainName != "D" || a.auth.Scope.ProjectName != "shop" {
		t.Errorf("a password for the user of clouds.yaml: %+v, %v", a, err)
	}
	a, err = settings{CloudsFile: file, Cloud: "two", CredentialSecret: secret, UserDomain: "Default"}.access()
	if err != nil || a.auth.ApplicationCredentialID != "id" || a.auth.ApplicationCredentialSecret != "from a file" || a.auth.DomainName != "" {
		t.Errorf("a secret for the credential of clouds.yaml: %+v, %v", a, err)
	}
	a, err = settings{AuthURL: "https://x.test/v3", Username: "u", UserDomain: "Default", Password: secret, Project: "shop", ProjectDomain: "Default"}.access()
	if err != nil || a.auth.Password != "from a file" || a.auth.Scope.ProjectName != "shop" || a.auth.Scope.DomainName != "Default" {
		t.Errorf("a password: %+v, %v", a, err)
	}
}

func TestWrongSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "clouds.yaml")
	if err := os.WriteFile(file, []byte(cloudsYAML), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		s    settings
		code plugins.Code
		says string
	}{
		{settings{}, plugins.Invalid, "auth-url"},
		{settings{AuthURL: "https://x.test/v3"}, plugins.Denied, "password"},
		{settings{Cloud: "one"}, plugins.Invalid, "belong together"},
		{settings{CloudsFile: file, Cloud: "three"}, plugins.Invalid, "three"},
		{settings{CloudsFile: "/no/such/file", Cloud: "one"}, plugins.Invalid, "/no/such/file"},
		{settings{AuthURL: "https://x.test/v3", Password: "file:/no/such/file"}, plugins.Denied, "/no/such/file"},
		{settings{AuthURL: "https://x.test/v3", Password: "hunter2", CAFile: "/no/such/file"}, plugins.Invalid, "ca-file"},
	}
	for _, tt := range tests {
		_, err := tt.s.access()
		if plugins.CodeOf(err) != tt.code || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%+v: %v, code %q", tt.s, err, plugins.CodeOf(err))
		}
	}
}
