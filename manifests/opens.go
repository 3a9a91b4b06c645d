package manifests

import "strings"

// OpensURL tells whether what is kept under a pattern may be shown to a remote:
// the pattern covers its URL, and the host of the pattern its host, so that no
// "*" of a host reaches into a path. What is kept for https is not shown to http.
func OpensURL(pattern, raw string) bool {
	if IsLocal(raw) || !CoversURL(pattern, raw) {
		return false
	}
	if plain := schemeOf(raw) == "http"; plain != (schemeOf(pattern) == "http") && schemeOf(raw) != "ssh" {
		return false
	}
	return matches(hostOf(pattern), hostOf(raw))
}

// schemeOf is the scheme of a URL in lower case; ssh for the form user@host:path,
// and "" for a pattern without one.
func schemeOf(raw string) string {
	if scheme, _, ok := strings.Cut(raw, "://"); ok {
		return strings.ToLower(scheme)
	}
	if _, _, _, ok := splitSCP(raw); ok {
		return "ssh"
	}
	return ""
}

// hostOf is the host of a URL or pattern, with a port that is not the scheme's own.
func hostOf(raw string) string {
	_, rest, ok := strings.Cut(CanonicalURL(raw), "://")
	if !ok {
		rest = raw
	}
	host, _, _ := strings.Cut(rest, "/")
	return host[strings.LastIndexByte(host, '@')+1:]
}

// Opens tells whether a credential is for a remote: tokens are for http and
// https, keys for ssh.
func (c Credential) Opens(raw string) bool {
	if scheme := schemeOf(raw); c.Key.Scheme != "" && scheme != "ssh" ||
		c.Token.Scheme != "" && scheme != "https" && scheme != "http" {
		return false
	}
	return OpensURL(c.URL, raw)
}

// ForInstance tells whether builds of an instance may use the credential.
func (c Credential) ForInstance(instance string) bool {
	for _, pattern := range c.Instances {
		if matches(pattern, instance) {
			return true
		}
	}
	return false
}

// CredentialFor is the first credential that opens a remote. For no instance it
// is the master's own business, for which all are there.
func CredentialFor(all []Credential, url, instance string) (Credential, bool) {
	for _, c := range all {
		if c.Opens(url) && (instance == "" || c.ForInstance(instance)) {
			return c, true
		}
	}
	return Credential{}, false
}
