package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"

	"github.com/wright-build/wright/master/api/view"
)

// Guard refuses what a browser may be tricked into sending: foreign Host
// headers while we listen on loopback (DNS rebinding), and unsafe requests from
// other origins. It sets the headers that every answer carries. The API and
// the pages stand behind it.
func Guard(listen string, next http.Handler) http.Handler {
	protected := http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
		if !hostAllowed(listen, r.Host) {
			Refuse(w, http.StatusMisdirectedRequest, "this master is not called "+hostOf(r.Host), "use the address it listens at: "+listen)
			return
		}
		protected.ServeHTTP(w, r)
	})
}

// hostAllowed tells whether a Host header may lead here. Only a listener on
// loopback is choosy: who listens to the world has names that we do not know.
func hostAllowed(listen, host string) bool {
	own, name := hostOf(listen), hostOf(host)
	if !isLoopback(own) {
		return true
	}
	return name == own || isLoopback(name) || strings.HasSuffix(name, ".localhost")
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// hostOf is host:port without the port, in lower case.
func hostOf(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

// bearer lets nobody pass without the token.
func (s *server) bearer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if _, password, ok := r.BasicAuth(); ok { // what a browser sends that got past the pages' door
			given = password
		}
		if !SameToken(s.cfg.Token, given) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="wright"`)
			f := view.Failure{Error: "this master wants a token", Hint: "give it with --token-file or WRIGHT_TOKEN"}
			if given != "" {
				f.Error = "the token is not the one of this master"
			}
			writeJSON(w, http.StatusUnauthorized, f)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// SameToken tells, in constant time, whether the token given is the one that
// is wanted; if none is wanted every one is.
func SameToken(want, given string) bool {
	a, b := sha256.Sum256([]byte(want)), sha256.Sum256([]byte(given))
	return want == "" || subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
