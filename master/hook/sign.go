package hook

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// unsigned is all that somebody learns who does not know the secret.
func unsigned() error { return refusal(http.StatusUnauthorized, "the signature is missing or wrong") }

// outdated is said to those who do.
func outdated(window time.Duration) error {
	return refusal(http.StatusUnauthorized, "the signature's time is not within %s of this master's clock", window)
}

func mac(secret []byte, parts ...string) []byte {
	h := hmac.New(sha256.New, secret)
	for _, p := range parts {
		h.Write([]byte(p)) // never fails
	}
	return h.Sum(nil)
}

// isHex tells whether a signature in hex is the one wanted.
func isHex(given string, want []byte) bool {
	got, err := hex.DecodeString(given)
	return err == nil && hmac.Equal(got, want)
}

// signedGitHub wants "X-Hub-Signature-256: sha256=HEX" over the body.
func signedGitHub(d delivery, secret []byte, _ time.Duration, _ time.Time) error {
	return signedHub(d, "X-Hub-Signature-256", secret)
}

// signedBitbucket wants "X-Hub-Signature: sha256=HEX" over the body, as both
// Cloud and Data Center send it.
func signedBitbucket(d delivery, secret []byte, _ time.Duration, _ time.Time) error {
	return signedHub(d, "X-Hub-Signature", secret)
}

func signedHub(d delivery, header string, secret []byte) error {
	want := mac(secret, string(d.body))
	given, ok := strings.CutPrefix(d.header.Get(header), "sha256=")
	if !ok || !isHex(given, want) {
		return unsigned()
	}
	return nil
}

// signedGitea wants a signature in hex over the JSON: of a form they sign the
// payload, not the body.
func signedGitea(d delivery, secret []byte, _ time.Duration, _ time.Time) error {
	given := d.first([]string{"X-Forgejo-Signature", "X-Gitea-Signature", "X-Gogs-Signature", "X-Hub-Signature-256"})
	if !isHex(strings.TrimPrefix(given, "sha256="), mac(secret, string(d.payload))) {
		return unsigned()
	}
	return nil
}

// signedGitLab wants a signature by a signing token ("whsec_…"), or else the
// secret token itself, which is all that older versions have.
func signedGitLab(d delivery, secret []byte, window time.Duration, now time.Time) error {
	if key, ok := bytes.CutPrefix(secret, []byte("whsec_")); ok {
		return signedStandard(d, string(key), window, now)
	}
	want, got := sha256.Sum256(secret), sha256.Sum256([]byte(d.header.Get("X-Gitlab-Token"))) // equally long
	if !hmac.Equal(got[:], want[:]) {
		return unsigned()
	}
	return nil
}

// maxSignatures bounds how many signatures one delivery may offer.
const maxSignatures = 10

// signedStandard wants a signature by the rules of Standard Webhooks: over
// ID, time and body, under a key in base64; several may be offered while keys
// change.
func signedStandard(d delivery, encoded string, window time.Duration, now time.Time) error {
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(key) == 0 {
		return refusal(http.StatusServiceUnavailable, "the hook's secret is no signing token: it is not whsec_ and base64")
	}
	at := d.header.Get("Webhook-Timestamp")
	want := mac(key, d.header.Get("Webhook-Id"), ".", at, ".", string(d.body))
	for _, offered := range strings.SplitN(d.header.Get("Webhook-Signature"), " ", maxSignatures) {
		version, given, _ := strings.Cut(offered, ",")
		got, err := base64.StdEncoding.DecodeString(given)
		if version == "v1" && err == nil && hmac.Equal(got, want) {
			return inTime(at, window, now)
		}
	}
	return unsigned()
}

// signedGeneric wants "X-Wright-Signature: t=UNIX,v1=HEX" over the time, a dot
// and the body.
func signedGeneric(d delivery, secret []byte, window time.Duration, now time.Time) error {
	at, given := genericSignature(d)
	if !isHex(given, mac(secret, at, ".", string(d.body))) {
		return unsigned()
	}
	return inTime(at, window, now)
}

func genericSignature(d delivery) (at, signature string) {
	first, second, _ := strings.Cut(d.header.Get("X-Wright-Signature"), ",")
	at, timed := strings.CutPrefix(strings.TrimSpace(first), "t=")
	signature, signed := strings.CutPrefix(strings.TrimSpace(second), "v1=")
	if !timed || !signed {
		return "", ""
	}
	return at, strings.ToLower(signature)
}

// inTime wants a signature's time to be near; it is signed, so told frankly.
func inTime(at string, window time.Duration, now time.Time) error {
	unix, err := strconv.ParseInt(at, 10, 64)
	if err != nil || time.Unix(unix, 0).Before(now.Add(-window)) || time.Unix(unix, 0).After(now.Add(window)) {
		return outdated(window)
	}
	return nil
}
