package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/wright-build/wright/plugins"
)

const (
	connectLimit = 10 * time.Second // for a host to answer and log in
	commandLimit = 15 * time.Second // of what is done with a lease
)

// line is the way to one host: one connection with a shell, which is kept.
type line struct {
	host     host
	settings settings
	dialing  chan struct{} // of all hosts: holds a value for each that is being connected to
	slot     chan struct{} // holds one value while somebody uses what follows
	client   *ssh.Client   // nil: not connected
	conn     net.Conn
	in       io.Writer
	out      *bufio.Reader
}

func newLine(s settings, h host, dialing chan struct{}) *line {
	return &line{host: h, settings: s, dialing: dialing, slot: make(chan struct{}, 1)}
}

// run carries out a command that may be carried out twice, and gives its output.
// One that has begun comes to its end when its caller has gone; it is short.
func (l *line) run(ctx context.Context, command string) (string, error) {
	select {
	case l.slot <- struct{}{}:
	case <-ctx.Done():
		return "", fmt.Errorf("wait for the connection to %s: %w", l.host.dial(), ctx.Err())
	}
	type result struct {
		output string
		err    error
	}
	done := make(chan result, 1)
	go func() { // ends by connectLimit and commandLimit
		defer func() { <-l.slot }()
		output, err := l.exchange(ctx, command)
		done <- result{output, err}
	}()
	select {
	case r := <-done:
		return r.output, r.err
	case <-ctx.Done():
		return "", fmt.Errorf("ask %s: %w", l.host.dial(), ctx.Err())
	}
}

// exchange sends the command, once more where a connection of before is gone.
func (l *line) exchange(ctx context.Context, command string) (string, error) {
	kept := l.client != nil
	output, err := l.once(ctx, command)
	if kept && errors.Is(err, errEnded) {
		output, err = l.once(ctx, command)
	}
	return output, err
}

func (l *line) once(ctx context.Context, command string) (string, error) {
	if ctx.Err() != nil {
		return "", fmt.Errorf("ask %s: %w", l.host.dial(), ctx.Err())
	}
	if l.client == nil {
		if err := l.connect(ctx); err != nil {
			l.close()
			return "", err
		}
	}
	return l.command(command)
}

func (l *line) command(command string) (string, error) {
	began := time.Now()
	_ = l.conn.SetDeadline(began.Add(commandLimit))
	mark := rand.Text()
	_, err := io.WriteString(l.in, framed(command, mark))
	if err != nil {
		err = errors.Join(errEnded, err)
	}
	var output string
	status := 0
	if err == nil {
		output, status, err = reply(l.out, mark)
	}
	if err != nil && time.Since(began) >= commandLimit {
		err = fmt.Errorf("no answer within %v", commandLimit) // the connection's end is our own doing
	}
	if err != nil {
		l.close()
		return "", plugins.Errorf(plugins.Transient, "ask %s: %w: %s", l.host.dial(), err, words(output))
	}
	_ = l.conn.SetDeadline(time.Time{})
	if status != 0 {
		return "", l.refused(status, output)
	}
	return output, nil
}

// refused tells what a person must mend from what may pass.
func (l *line) refused(status int, output string) error {
	code := plugins.Transient
	if strings.Contains(output, "ermission denied") || strings.Contains(output, "no program flock") || strings.Contains(output, "Read-only") {
		code = plugins.Denied
	} else if strings.Contains(output, "No space left") {
		code = plugins.Quota
	}
	return plugins.Errorf(code, "at %s, in %s: exit status %d: %s", l.host.dial(), l.host.Directory, status, words(output))
}

func (l *line) connect(ctx context.Context) error {
	select {
	case l.dialing <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("wait to log in to %s: %w", l.host.dial(), ctx.Err())
	}
	defer func() { <-l.dialing }()
	config, err := l.config()
	if err != nil {
		return err
	}
	dialing, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	if l.conn, err = new(net.Dialer).DialContext(dialing, "tcp", l.host.dial()); err != nil {
		return l.unreachable(ctx, err)
	}
	_ = l.conn.SetDeadline(time.Now().Add(connectLimit))
	conn, channels, requests, err := ssh.NewClientConn(l.conn, l.host.dial(), config)
	if err != nil {
		return l.unreachable(ctx, err)
	}
	l.client = ssh.NewClient(conn, channels, requests)
	session, err := l.client.NewSession()
	if err != nil {
		return l.unreachable(ctx, err)
	}
	out, errOut := session.StdoutPipe()
	in, errIn := session.StdinPipe()
	if err := errors.Join(errOut, errIn, session.Start(shellLoop)); err != nil {
		return l.unreachable(ctx, err)
	}
	l.in, l.out = in, bufio.NewReader(out)
	_, err = l.command(enter(l.host.Directory))
	return err
}

func (l *line) config() (*ssh.ClientConfig, error) {
	signer, err := l.settings.signer()
	if err != nil {
		return nil, err
	}
	check, kinds, err := l.settings.hostKeys(l.host)
	if err != nil {
		return nil, err
	}
	return &ssh.ClientConfig{
		User: l.host.User, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: check, HostKeyAlgorithms: kinds, Timeout: connectLimit,
	}, nil
}

// unreachable says what kept us from a host.
func (l *line) unreachable(ctx context.Context, err error) error {
	switch text := err.Error(); {
	case ctx.Err() != nil:
		return fmt.Errorf("log in to %s as %s: %w", l.host.dial(), l.host.User, ctx.Err())
	case strings.Contains(text, "unable to authenticate"), strings.Contains(text, "host key"), strings.Contains(text, "knownhosts:"):
		return plugins.Errorf(plugins.Denied, "log in to %s as %s: %w", l.host.dial(), l.host.User, err)
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return plugins.Errorf(plugins.Transient, "log in to %s as %s: no answer within %v", l.host.dial(), l.host.User, connectLimit)
	}
	return plugins.Errorf(plugins.Transient, "log in to %s as %s: %w", l.host.dial(), l.host.User, err)
}

func (l *line) close() {
	if l.conn != nil {
		_ = l.conn.Close() // which ends the client, too
	}
	l.client, l.conn, l.in, l.out = nil, nil, nil, nil
}

// hangUp closes the connection as soon as nobody uses it.
func (l *line) hangUp() {
	go func() { // ends with the command that is under way
		l.slot <- struct{}{}
		defer func() { <-l.slot }()
		l.close()
	}()
}

// clean runs a command of any length in a session of its own.
func (l *line) clean(ctx context.Context, command string) error {
	if _, err := l.run(ctx, "true"); err != nil { // connects
		return err
	}
	session, err := l.session(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = session.Close() }()
	said := &tail{}
	session.Stdout, session.Stderr = said, said
	if err := session.Start("exec sh -c " + quote(cleaning(l.host.Directory, command))); err != nil {
		return plugins.Errorf(plugins.Transient, "clean %s: %w", l.host.dial(), err)
	}
	done := make(chan error, 1)
	go func() { done <- session.Wait() }() // ends with the session
	select {
	case err = <-done:
	case <-ctx.Done():
		return fmt.Errorf("clean %s: %w", l.host.dial(), ctx.Err())
	}
	if err != nil {
		return plugins.Errorf(plugins.Transient, "clean %s: %w: %s", l.host.dial(), err, words(said.text()))
	}
	return nil
}

func (l *line) session(ctx context.Context) (*ssh.Session, error) {
	select {
	case l.slot <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the connection to %s: %w", l.host.dial(), ctx.Err())
	}
	defer func() { <-l.slot }()
	if l.client == nil {
		return nil, plugins.Errorf(plugins.Transient, "clean %s: the connection has ended", l.host.dial())
	}
	_ = l.conn.SetDeadline(time.Now().Add(commandLimit))
	defer func() { _ = l.conn.SetDeadline(time.Time{}) }()
	session, err := l.client.NewSession()
	if err != nil {
		return nil, plugins.Errorf(plugins.Transient, "clean %s: %w", l.host.dial(), err)
	}
	return session, nil
}

// words are what a command said, cut to what an error may hold.
func words(output string) string {
	const most = 1000
	return strings.ToValidUTF8(strings.TrimSpace(output[max(0, len(output)-most):]), "?")
}
