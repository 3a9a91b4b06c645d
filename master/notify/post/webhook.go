package post

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/notify/content"
	"github.com/wright-build/wright/master/state"
)

// Event is the body of a webhook.
type Event struct {
	Event    string     `json:"event"`
	Delivery string     `json:"delivery"` // the same however often it is sent
	SentAt   time.Time  `json:"sent_at"`
	Instance string     `json:"instance"`
	URL      string     `json:"url"` // of the build's page
	Failures int        `json:"failures,omitempty"`
	Since    string     `json:"since,omitempty"` // the first of the failures in a row
	Build    view.Build `json:"build"`
}

// Webhook tells a program of an event. Two headers sign it: X-Hub-Signature-256
// as GitHub does, over the body, and X-Wright-Signature, over the time and the
// body, so that what was recorded cannot be played again later.
func (p *Poster) Webhook(ctx context.Context, n *state.Notice, c content.Content, now time.Time) error {
	secret, err := p.cfg.Secret(n.Instance, n.Secret)
	if err != nil {
		return err
	}
	body, err := json.Marshal(Event{
		Event: n.Event, Delivery: n.ID, SentAt: now.UTC(), Instance: n.Instance, URL: c.Page,
		Failures: n.Failures, Since: n.Since, Build: view.OfBuild(c.Build),
	})
	if err != nil {
		return fmt.Errorf("encode the event: %w", err)
	}
	at := strconv.FormatInt(now.Unix(), 10)
	header := http.Header{}
	header.Set("X-Wright-Event", n.Event)
	header.Set("X-Wright-Delivery", n.ID)
	header.Set("X-Hub-Signature-256", "sha256="+sign(secret, body))
	header.Set("X-Wright-Signature", "t="+at+",v1="+sign(secret, []byte(at), []byte("."), body))
	return p.send(ctx, n.To, header, body, (*answer).verdict)
}

// sign is the HMAC-SHA256 of what is sent, in hex.
func sign(secret string, parts ...[]byte) string {
	h := hmac.New(sha256.New, []byte(secret))
	for _, part := range parts {
		h.Write(part) // never fails
	}
	return hex.EncodeToString(h.Sum(nil))
}
