package hook

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// signatureOf is the header that holds a delivery's signature.
func signatureOf(d delivery) string {
	for _, name := range []string{"X-Wright-Signature", "Webhook-Signature", "X-Gitlab-Token", "X-Forgejo-Signature",
		"X-Gitea-Signature", "X-Hub-Signature-256", "X-Hub-Signature"} {
		if d.header.Get(name) != "" {
			return name
		}
	}
	return ""
}

// TestBadSignatures: whatever is wrong with a signature, the answer is the
// same.
func TestBadSignatures(t *testing.T) {
	header := func(change func(string) string) func(d *delivery) {
		return func(d *delivery) {
			name, given := signatureOf(*d), d.header.Get(signatureOf(*d))
			dropOthers(d)
			d.header.Set(name, change(given))
		}
	}
	wrongs := map[string]func(d *delivery){
		"missing":   func(d *delivery) { d.header.Del(signatureOf(*d)); dropOthers(d) },
		"empty":     header(func(string) string { return "" }),
		"truncated": header(func(s string) string { return s[:len(s)-2] }),
		"half":      header(func(s string) string { return s[:len(s)/2] }),
		"longer":    header(func(s string) string { return s + "00" }),
		"no hex":    header(func(s string) string { return s[:len(s)-2] + "zz" }),
		"only name": header(func(s string) string { return s[:strings.IndexAny(s, "=,' ")+1] }),
		"other digit": header(func(s string) string {
			last := map[bool]string{true: "1", false: "0"}[strings.HasSuffix(s, "0")]
			return s[:len(s)-1] + last
		}),
		"other hash": header(func(s string) string {
			return strings.NewReplacer("sha256=", "sha1=", "v1", "v0").Replace("x" + s)[1:] + " "
		}),
	}
	for name := range deliveries() {
		kindName, good := recorded(t, name)
		for what, spoil := range wrongs {
			d := good
			d.header = good.header.Clone()
			spoil(&d)
			wantRefused(t, name+", "+what, kinds(kindName).signed(d, secretOf(name), time.Minute, recordedAt()))
		}
		if kindName != "gitlab" || name == "gitlab-push-signed" {
			d := good
			d.body = slices.Concat(d.body, []byte(" "))
			d.payload = slices.Concat(d.payload, []byte(" "))
			wantRefused(t, name+", another body", kinds(kindName).signed(d, secretOf(name), time.Minute, recordedAt()))
		}
		wantRefused(t, name+", another secret", kinds(kindName).signed(good, []byte("whsec_AAAA"), time.Minute, recordedAt()))
		wantRefused(t, name+", another secret", kinds(kindName).signed(good, []byte("It's a Secret"), time.Minute, recordedAt()))
	}
}

// dropOthers takes away what Gitea repeats under other names.
func dropOthers(d *delivery) {
	for _, name := range []string{"X-Gitea-Signature", "X-Gogs-Signature", "X-Hub-Signature-256", "X-Hub-Signature"} {
		d.header.Del(name)
	}
}

func wantRefused(t *testing.T, what string, err error) {
	t.Helper()
	var r *refused
	if !errors.As(err, &r) || r.status != http.StatusUnauthorized || err.Error() != unsigned().Error() {
		t.Errorf("%s: %v, want %v", what, err, unsigned())
	}
}

// TestPublishedSignatures: examples that others published, GitHub among them.
func TestPublishedSignatures(t *testing.T) {
	for _, tt := range []struct{ secret, body, hex string }{
		{secret, "Hello, World!", "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},                // GitHub
		{"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"}, // RFC 4231
	} {
		d := delivery{header: http.Header{"X-Hub-Signature-256": {"sha256=" + tt.hex}}, body: []byte(tt.body)}
		if err := signedGitHub(d, []byte(tt.secret), 0, time.Time{}); err != nil {
			t.Errorf("%q: %v", tt.body, err)
		}
	}
}

// TestWindow: what is signed with a time holds for a while before and after it.
func TestWindow(t *testing.T) {
	const window = 5 * time.Minute
	for _, name := range []string{"generic-one", "gitlab-push-signed"} {
		kindName, d := recorded(t, name)
		for off, ok := range map[time.Duration]bool{
			0: true, window: true, -window: true, window + time.Second: false, -window - time.Second: false, 1e6 * time.Hour: false,
		} {
			err := kinds(kindName).signed(d, secretOf(name), window, recordedAt().Add(off))
			if ok != (err == nil) || err != nil && !strings.Contains(err.Error(), "clock") {
				t.Errorf("%s, %s later: %v", name, off, err)
			}
		}
	}
	d := delivery{header: http.Header{}, body: []byte("{}")}
	at := "1779000000000000000000000"
	d.header.Set("X-Wright-Signature", fmt.Sprintf("t=%s,v1=%x", at, mac([]byte(secret), at, ".{}")))
	if err := signedGeneric(d, []byte(secret), window, recordedAt()); err == nil {
		t.Error("a time that is no time was taken")
	}
}

// TestStandardSignatures: several may be offered while keys change, of which
// one must be right; a secret that is no key is told as such.
func TestStandardSignatures(t *testing.T) {
	_, d := recorded(t, "gitlab-push-signed")
	good := d.header.Get("Webhook-Signature")
	for offered, ok := range map[string]bool{
		"v1,AAAA " + good:                     true,
		good + " v1a,AAAA":                    true,
		"v2" + good[2:]:                       false,
		strings.Repeat("v1,AAAA ", 20) + good: false,
	} {
		d.header.Set("Webhook-Signature", offered)
		if err := signedGitLab(d, secretOf("gitlab-push-signed"), time.Minute, recordedAt()); ok != (err == nil) {
			t.Errorf("%.60s: %v", offered, err)
		}
	}
	for _, bad := range []string{"whsec_", "whsec_%%%"} {
		var r *refused
		err := signedGitLab(d, []byte(bad), time.Minute, recordedAt())
		if !errors.As(err, &r) || r.status != http.StatusServiceUnavailable || strings.Contains(err.Error(), "%%%") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// FuzzSigned: nobody guesses a signature, and no header ends the program.
func FuzzSigned(f *testing.F) {
	for name := range deliveries() {
		_, d := recorded(f, name)
		f.Add(d.header.Get(signatureOf(d)), "1779000000", d.header.Get("Content-Type"), d.body)
	}
	f.Fuzz(func(t *testing.T, signature, at, contentType string, body []byte) {
		d := delivery{header: http.Header{}, body: body}
		d.payload, _ = payloadOf(contentType, body)
		for _, name := range []string{"X-Wright-Signature", "Webhook-Signature", "X-Gitlab-Token", "X-Gitea-Signature", "X-Hub-Signature-256", "X-Hub-Signature"} {
			d.header.Set(name, signature)
		}
		d.header.Set("Webhook-Timestamp", at)
		for _, kindName := range []string{"github", "gitlab", "gitea", "bitbucket", "generic"} {
			for _, s := range []string{"never told to anybody", "whsec_bmV2ZXIgdG9sZCB0byBhbnlib2R5"} {
				if kinds(kindName).signed(d, []byte(s), time.Hour, recordedAt()) == nil && signature != s {
					t.Fatalf("%s takes %q", kindName, signature)
				}
			}
		}
	})
}
