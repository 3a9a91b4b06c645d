package ledger

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"

	"github.com/wright-build/wright/plugins/database/seal"
)

// prepare is done once, and tried again until it works.
func (s *Server) prepare(ctx context.Context) error {
	s.mu.Lock()
	prepared := s.prepared
	s.mu.Unlock()
	if prepared {
		return nil
	}
	if err := s.Engine.Prepare(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	s.prepared = true
	s.mu.Unlock()
	return nil
}

// doubt has the next call look whether the ledger is still there.
func (s *Server) doubt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prepared = false
}

// seals gives the key for passwords, which is made of the administrator's.
func (s *Server) seals(use string) (*seal.Key, error) {
	secret, err := s.Secret()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key == nil || s.secret != secret {
		if s.key, err = seal.NewKey(secret, use); err != nil {
			return nil, err
		}
		s.secret = secret
	}
	return s.key, nil
}

// held are sessions at all servers that can be reached, which hold the same locks.
type held struct {
	p        *Provider
	sessions []*session
	missing  error // that some server could not be reached
}

// session is a connection that holds locks.
type session struct {
	p      *Provider
	server *Server
	conn   *sql.Conn
	keys   []string
}

// hold opens the sessions, always in the same order, so that two calls never wait
// for each other.
func (p *Provider) hold(ctx context.Context, key string) *held {
	h := &held{p: p}
	for _, server := range p.Servers {
		s, err := p.open(ctx, server, key)
		if err != nil {
			h.missing = errors.Join(h.missing, p.failed(server, "open a session", err))
			if ctx.Err() != nil {
				break
			}
			continue
		}
		h.sessions = append(h.sessions, s)
	}
	return h
}

func (p *Provider) open(ctx context.Context, server *Server, key string) (*session, error) {
	if err := server.prepare(ctx); err != nil {
		return nil, err
	}
	conn, err := server.DB.Conn(ctx)
	if err != nil {
		return nil, err
	}
	s := &session{p: p, server: server, conn: conn, keys: []string{key}}
	if err := server.Engine.Lock(ctx, conn, key); err != nil {
		s.discard()
		return nil, err
	}
	return s, nil
}

// find looks for an entry at all servers. Unless it is found, all must have
// answered: it may be at the one that did not.
func (h *held) find(ctx context.Context, query, key string) (*session, entry, error) {
	for _, s := range h.sessions {
		found, err := s.entries(ctx, query, key)
		if err != nil {
			return nil, entry{}, h.p.failed(s.server, "look for what was made", err)
		}
		if len(found) > 0 {
			return s, found[0], nil
		}
	}
	return nil, entry{}, h.missing
}

func (h *held) at(name string) *session {
	for _, s := range h.sessions {
		if s.server.Name == name {
			return s
		}
	}
	return nil
}

func (h *held) lock(ctx context.Context, key string) error {
	for _, s := range h.sessions {
		if err := s.lock(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

func (h *held) unlock(ctx context.Context, key string) error {
	for _, s := range h.sessions {
		if err := s.unlock(ctx, key); err != nil {
			return h.p.failed(s.server, "unlock", err)
		}
	}
	return nil
}

// end gives the connections back, or up when there is any doubt what they hold.
func (h *held) end(ctx context.Context, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	for _, s := range h.sessions {
		for err == nil && len(s.keys) > 0 {
			err = s.unlock(ctx, s.keys[len(s.keys)-1])
		}
		if err != nil {
			s.discard()
			continue
		}
		_ = s.conn.Close()
	}
}

func (s *session) lock(ctx context.Context, key string) error {
	s.keys = append(s.keys, key)
	return s.p.wrap(s.server, "wait for the others who work on it", s.server.Engine.Lock(ctx, s.conn, key))
}

func (s *session) unlock(ctx context.Context, key string) error {
	if err := s.server.Engine.Unlock(ctx, s.conn, key); err != nil {
		return err
	}
	s.keys = s.keys[:len(s.keys)-1] // the last one taken is the first one given back
	return nil
}

// discard ends the session at the server too.
func (s *session) discard() {
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = s.conn.Close()
}
