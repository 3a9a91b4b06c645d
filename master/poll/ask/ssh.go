package ask

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// overSSH asks over ssh with the key of a credential.
func (a *Asker) overSSH(ctx context.Context, q question) (Answer, error) {
	var answer Answer
	err := a.ssh.run(ctx, q, "git-upload-pack "+quote(q.path), func(rw io.ReadWriter) (err error) {
		answer, err = a.converse(rw, q)
		return err
	})
	if err != nil {
		return Answer{}, fmt.Errorf("ask for refs over ssh: %w", err)
	}
	return answer, nil
}

// quote makes s one word of a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// run runs a command on the far side and lets do speak with it, over a
// connection that serves others too.
func (p *sshPool) run(ctx context.Context, q question, command string, do func(io.ReadWriter) error) error {
	session, conn, err := p.session(ctx, q)
	if err != nil {
		return err
	}
	defer p.release(conn)
	defer func() { _ = session.Close() }()
	over := make(chan struct{})
	defer close(over)
	stop := context.AfterFunc(ctx, func() {
		_ = session.Close()
		select {
		case <-over:
		case <-time.After(time.Second):
			p.drop(conn) // the far side does not even answer to that
		}
	})
	defer stop()
	talk, stderr, err := begin(session, command, q.version2 || p.asker.styles.of(q.URL).filtered)
	if err != nil {
		return err
	}
	err = do(talk)
	_ = talk.Close()
	if err == nil || ctx.Err() != nil {
		return err
	}
	_ = session.Wait() // for its last words
	return saidWith(err, stderr.String())
}

// saidWith adds the words of a program to an error.
func saidWith(err error, stderr string) error {
	if strings.TrimSpace(stderr) == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, Clean(stderr))
}

// talk is the two streams of a program.
type talk struct {
	io.Reader
	io.WriteCloser
}

func begin(session *ssh.Session, command string, version2 bool) (t talk, stderr *head, err error) {
	stderr = &head{left: 8 << 10}
	session.Stderr = stderr
	if t.WriteCloser, err = session.StdinPipe(); err != nil {
		return t, nil, err
	}
	if t.Reader, err = session.StdoutPipe(); err != nil {
		return t, nil, err
	}
	if version2 {
		_ = session.Setenv("GIT_PROTOCOL", "version=2") // a server may refuse that, and sends all
	}
	if err := session.Start(command); err != nil {
		return t, nil, fmt.Errorf("start %s: %w", strings.Fields(command)[0], err)
	}
	return t, stderr, nil
}

// session opens a session on a connection that is there, or on a new one.
func (p *sshPool) session(ctx context.Context, q question) (*ssh.Session, *sshConn, error) {
	for {
		conn, fresh, err := p.take(ctx, q)
		if err != nil {
			return nil, nil, err
		}
		session, err := conn.client.NewSession()
		if err == nil {
			return session, conn, nil
		}
		p.drop(conn) // gone meanwhile, or of a server that wants fewer sessions
		p.release(conn)
		if fresh || ctx.Err() != nil {
			return nil, nil, fmt.Errorf("open a session: %w", err)
		}
	}
}

// dialSSH connects and says who we are.
func (a *Asker) dialSSH(ctx context.Context, q question) (*ssh.Client, error) {
	config, err := sshConfig(q)
	if err != nil {
		return nil, err
	}
	conn, err := a.dial(ctx, q.Trusted, q.host, q.port)
	if err != nil {
		return nil, err
	}
	stop := until(ctx, conn)
	c, channels, requests, err := ssh.NewClientConn(conn, q.address(), config)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, hostKeyError(q, err)
	}
	return ssh.NewClient(c, channels, requests), nil
}

func sshConfig(q question) (*ssh.ClientConfig, error) {
	signer, err := ssh.ParsePrivateKey(q.login.Key)
	if err != nil {
		return nil, errors.New("the key of the credential cannot be read; a key with a passphrase cannot be used")
	}
	check, err := knownHosts(q.login.KnownHosts)
	if err != nil {
		return nil, err
	}
	return &ssh.ClientConfig{
		User:              q.sshUser(),
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback:   check,
		HostKeyAlgorithms: algorithms(check, q.address()),
		Timeout:           20 * time.Second,
	}, nil
}

// sshUser is who we say we are.
func (q question) sshUser() string {
	switch {
	case q.login.User != "":
		return q.login.User
	case q.user != "":
		return q.user
	}
	return "git"
}

// anyAddr stands for the address of a host of which only the name counts.
func anyAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4zero} }
