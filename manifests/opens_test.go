package manifests

import "testing"

func TestOpensURL(t *testing.T) {
	for _, c := range []struct {
		pattern, url string
		want         bool
	}{
		{"https://git.example.test/*", "https://git.example.test/shop.git", true},
		{"https://git.example.test/*", "https://GIT.example.test:443/shop", true},
		{"https://git.example.test/shop.git", "https://git.example.test/shop", true},
		{"https://git.example.test/*", "git@git.example.test:acme/shop.git", true},
		{"git@git.example.test:acme/*", "ssh://git@git.example.test/acme/shop.git", true},
		{"git@git.example.test:acme/*", "git@git.example.test:other/shop.git", false},
		{"ssh://git.example.test:2222/*", "ssh://git@git.example.test:2222/shop", true},
		{"ssh://git.example.test:2222/*", "ssh://git@git.example.test/shop", false},
		{"https://*.example.test/*", "https://git.example.test/shop", true},
		{"https://*.example.test/*", "https://evil.test/x.example.test/shop", false},
		{"https://git.example.test/*", "https://git.example.test.evil.test/shop", false},
		{"https://git.example.test*", "https://git.example.test@evil.test/shop", false},
		{"https://git.example.test/*", "http://git.example.test/shop", false}, // not in clear
		{"http://git.example.test/*", "http://git.example.test/shop", true},
		{"http://git.example.test/*", "https://git.example.test/shop", false},
		{"http://git.example.test/*", "git@git.example.test:shop", true},
		{"*", "https://git.example.test/shop", true},
		{"*", "http://git.example.test/shop", false},
		{"*", "git@git.example.test:shop", true},
		{"*", "/srv/shop.git", false},
		{"*", "file:///srv/shop.git", false},
	} {
		if got := OpensURL(c.pattern, c.url); got != c.want {
			t.Errorf("%s opens %s: %v", c.pattern, c.url, got)
		}
	}
}

func TestCredentialFor(t *testing.T) {
	key, token := SecretRef{"file", "/key"}, SecretRef{"file", "/token"}
	all := []Credential{
		{Name: "shop's key", URL: "https://git.example.test/shop*", Key: key, Instances: []string{"shop", "shop-*"}},
		{Name: "any key", URL: "https://git.example.test/*", Key: key},
		{Name: "token", URL: "https://git.example.test/*", Token: token, Instances: []string{"*"}},
	}
	for _, c := range []struct{ url, instance, want string }{
		{"git@git.example.test:shop.git", "", "shop's key"},
		{"git@git.example.test:theme.git", "", "any key"},
		{"git@git.example.test:shop.git", "shop", "shop's key"},
		{"git@git.example.test:shop.git", "shop-2", "shop's key"},
		{"git@git.example.test:shop.git", "shopping", ""},
		{"git@git.example.test:theme.git", "shop", ""},
		{"https://git.example.test/shop.git", "blog", "token"},
		{"git://git.example.test/shop.git", "shop", ""},
		{"https://other.test/shop.git", "", ""},
	} {
		if got, ok := CredentialFor(all, c.url, c.instance); got.Name != c.want || ok != (c.want != "") {
			t.Errorf("%s for %q: %q, want %q", c.url, c.instance, got.Name, c.want)
		}
	}
}
