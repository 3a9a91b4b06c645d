// Package notifier is the plugin kind that tells people and programs what
// happened: its interface, its types and both ends of its wire. It knows
// nothing of any provider, and does not decide who hears of what.
package notifier

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/wright-build/wright/plugins"
)

// Provider delivers messages. It is called concurrently. Errors carry the codes
// of package plugins.
type Provider interface {
	// Notify delivers a message and returns when the far side has taken it. A
	// token that was delivered before is not delivered again, also when both
	// calls run at the same time or the provider died between.
	Notify(ctx context.Context, m Message) error
	// Receipts gives what was delivered and carries all of tags, as far back as
	// the provider keeps it, at least a day.
	Receipts(ctx context.Context, tags map[string]string) ([]Receipt, error)
}

// Message is what happened.
type Message struct {
	Token      string   // unique for this message
	Event      string   // "build-failed", "build-recovered", …
	Instance   string   // may be empty
	Build      string   // may be empty
	Subject    string   // one line
	Text       string   // at most MaxBody bytes
	URL        string   // where to read more; may be empty
	Recipients []string // in the provider's words; may be empty
	Tags       map[string]string
	Config     map[string]any // the provider's own table of the manifest
}

// Receipt is one message that was delivered.
type Receipt struct {
	Token       string
	Tags        map[string]string
	DeliveredAt time.Time
}

// What a message may hold at most.
const (
	MaxBody       = 1 << 20 // bytes of the text
	MaxRecipients = 1000
)

// Validate refuses what no provider should have to cope with.
func (m Message) Validate() error {
	for field, s := range map[string]string{"token": m.Token, "event": m.Event, "subject": m.Subject} {
		if err := plugins.CheckToken(field, s); err != nil {
			return err
		}
	}
	for field, s := range map[string]string{"instance": m.Instance, "build": m.Build, "url": m.URL} {
		if err := plugins.CheckText(field, s); err != nil {
			return err
		}
	}
	if len(m.Text) > MaxBody || !utf8.ValidString(m.Text) || strings.ContainsRune(m.Text, 0) {
		return plugins.Invalidf("text", "it has more than %d bytes, is not valid UTF-8 or holds a NUL", MaxBody)
	}
	if len(m.Recipients) > MaxRecipients {
		return plugins.Invalidf("recipients", "%d are too many, at most %d", len(m.Recipients), MaxRecipients)
	}
	for i, r := range m.Recipients {
		if err := plugins.CheckToken(fmt.Sprintf("recipients[%d]", i), r); err != nil {
			return err
		}
	}
	return plugins.CheckTags(m.Tags)
}

// check refuses a receipt that no provider may answer with.
func (r Receipt) check() error {
	if err := plugins.CheckToken("token", r.Token); err != nil {
		return err
	}
	return plugins.CheckTags(r.Tags)
}
