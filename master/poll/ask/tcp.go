package ask

import (
	"context"
	"fmt"
	"net"
)

// overTCP asks over git://.
func (a *Asker) overTCP(ctx context.Context, q question) (Answer, error) {
	conn, err := a.dial(ctx, q.Trusted, q.host, q.port)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = conn.Close() }()
	defer until(ctx, conn)()
	if _, err := conn.Write(hello(q, a.styles.of(q.URL).filtered)); err != nil {
		return Answer{}, fmt.Errorf("begin: %w", err)
	}
	answer, err := a.converse(conn, q)
	if err != nil {
		return Answer{}, fmt.Errorf("ask for refs: %w", err)
	}
	return answer, nil
}

// hello is the first word to a git daemon.
func hello(q question, version2 bool) []byte {
	host := q.host
	if q.port != "9418" || net.ParseIP(host) != nil && net.ParseIP(host).To4() == nil {
		host = q.address()
	}
	extra := ""
	if version2 {
		extra = "\x00version=2\x00"
	}
	return packet(nil, "git-upload-pack %s\x00host=%s\x00%s", q.path, host, extra)
}
