package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/notifier"
)

// provider appends to one file.
type provider struct {
	mu       sync.Mutex // guards all below
	file     string
	receipts receipts
	pruneAt  time.Time
}

// pruneEvery is how often old receipts are looked for.
const pruneEvery = 24 * time.Hour

var (
	_ notifier.Provider  = (*provider)(nil)
	_ plugins.Configurer = (*provider)(nil)
)

// Configure implements plugins.Configurer.
func (p *provider) Configure(_ context.Context, s plugins.Settings) error {
	file, _ := s.Config["file"].(string)
	if file == "" {
		file = filepath.Join(s.StateDir, "messages.jsonl")
	}
	if !filepath.IsAbs(file) {
		return plugins.Invalidf("settings.file", "%.200q is not an absolute path", file)
	}
	if _, err := os.Stat(filepath.Dir(file)); err != nil {
		return plugins.Invalidf("settings.file", "%w", err)
	}
	r := receipts{dir: filepath.Join(s.StateDir, "receipts")}
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return fmt.Errorf("make the directory of the receipts: %w", err)
	}
	p.mu.Lock()
	p.file, p.receipts, p.pruneAt = file, r, time.Time{}
	p.mu.Unlock()
	return p.prune(time.Now())
}

func (p *provider) configured() (string, receipts, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file == "" {
		return "", receipts{}, errors.New("the provider is not configured yet")
	}
	return p.file, p.receipts, nil
}

// prune removes receipts that are too old, once a day.
func (p *provider) prune(now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Before(p.pruneAt) {
		return nil
	}
	p.pruneAt = now.Add(pruneEvery)
	return p.receipts.prune(now)
}

// message is a line of the file.
type message struct {
	Time       time.Time         `json:"time"`
	Token      string            `json:"token"`
	Event      string            `json:"event"`
	Instance   string            `json:"instance,omitempty"`
	Build      string            `json:"build,omitempty"`
	Subject    string            `json:"subject"`
	Text       string            `json:"text,omitempty"`
	URL        string            `json:"url,omitempty"`
	Recipients []string          `json:"recipients,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
}

// lineOf is a message with its line break, which no other byte of it is.
func lineOf(m notifier.Message, now time.Time) ([]byte, error) {
	b, err := json.Marshal(message{
		Time: now.UTC(), Token: m.Token, Event: m.Event, Instance: m.Instance, Build: m.Build, Subject: m.Subject,
		Text: m.Text, URL: m.URL, Recipients: m.Recipients, Tags: m.Tags,
	})
	return append(b, '\n'), err
}

// Notify implements notifier.Provider. What is to be written, and where, is
// noted first: so one that died in between is found out by the next.
func (p *provider) Notify(ctx context.Context, m notifier.Message) error {
	file, all, err := p.configured()
	if err != nil {
		return err
	}
	if err := p.prune(time.Now()); err != nil {
		return fmt.Errorf("remove old receipts: %w", err)
	}
	held, err := all.lock()
	if err != nil {
		return err
	}
	defer func() { _ = held.Close() }()
	if err := ctx.Err(); err != nil { // while it waited for its turn
		return err
	}
	r, err := all.read(m.Token)
	switch {
	case err == nil && r.Written:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		now := time.Now()
		r = receipt{Token: m.Token, Tags: m.Tags, At: now.UTC()}
		if r.Line, err = lineOf(m, now); err != nil {
			return fmt.Errorf("encode the message: %w", err)
		}
	case err != nil:
		return err
	}
	if err := p.write(file, all, r); err != nil {
		return explain(fmt.Errorf("write the message: %w", err))
	}
	return nil
}

// write brings a line into the file, unless it is there where the receipt says.
func (p *provider) write(file string, all receipts, r receipt) error {
	f, err := openLocked(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	there := false
	if r.Begun {
		if there, err = finish(f, r); err != nil {
			return err
		}
	}
	if !there {
		end, err := f.Seek(0, 2)
		if err != nil {
			return err
		}
		r.Begun, r.Offset = true, end
		if err := all.write(r); err != nil {
			return err
		}
		if _, err := f.Write(r.Line); err != nil {
			return errors.Join(err, f.Truncate(end)) // nothing of it is to stay
		}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	r.Written, r.Line, r.At = true, nil, time.Now().UTC()
	return all.write(r)
}

// Receipts implements notifier.Provider.
func (p *provider) Receipts(_ context.Context, tags map[string]string) ([]notifier.Receipt, error) {
	_, all, err := p.configured()
	if err != nil {
		return nil, err
	}
	var list []notifier.Receipt
	err = all.each(func(r receipt) error {
		if r.Written && plugins.HasTags(r.Tags, tags) {
			list = append(list, notifier.Receipt{Token: r.Token, Tags: r.Tags, DeliveredAt: r.At})
		}
		return nil
	})
	return list, err
}

// explain gives an error of the file the code that says what to do about it.
func explain(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return plugins.Errorf(plugins.Denied, "%w", err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return plugins.Errorf(plugins.Quota, "%w", err)
	}
	return plugins.Errorf(plugins.Transient, "%w", err)
}
