package ask

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
)

// askHg asks a Mercurial repository: over http by its own protocol, and over
// ssh and in a path by hg serve at the far end.
func (a *Asker) askHg(ctx context.Context, q question) (answer Answer, err error) {
	switch {
	case q.scheme == "http" || q.scheme == "https":
		client := a.client(q)
		return hgRefs(q, func(call hgCall) ([]byte, error) { return hgOverHTTP(ctx, client, q, call) })
	case q.scheme == "ssh" && len(q.login.Key) > 0:
		err = a.ssh.run(ctx, q, "hg -R "+quote(hgPath(q))+" serve --stdio", func(rw io.ReadWriter) error {
			answer, err = hgOverStdio(q, rw)
			return err
		})
	case q.scheme == "ssh" || q.scheme == "file":
		answer, err = a.hgByProgram(ctx, q)
	default:
		err = errors.New("mercurial is asked by http, https, ssh or in a path")
	}
	if err != nil {
		return Answer{}, fmt.Errorf("ask for branches: %w", err)
	}
	return answer, nil
}

// hgPath is the path as the far hg wants it: relative to the home of the user
// unless there are two slashes.
func hgPath(q question) string {
	if dir := strings.TrimPrefix(q.path, "/"); dir != "" {
		return dir
	}
	return "."
}

// hgByProgram runs hg serve here or, with the user's ssh, over there.
func (a *Asker) hgByProgram(ctx context.Context, q question) (Answer, error) {
	if _, err := a.guard(ctx, q); err != nil {
		return Answer{}, err
	}
	free, err := a.running(ctx)
	if err != nil {
		return Answer{}, err
	}
	defer free()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, "hg", "-R", q.path, "serve", "--stdio")
	if q.scheme == "ssh" {
		cmd = exec.CommandContext(ctx, "ssh", hgSSH(q)...)
	}
	stderr := prepare(cmd)
	var t talk
	if t.WriteCloser, err = cmd.StdinPipe(); err == nil {
		t.Reader, err = cmd.StdoutPipe()
	}
	if err == nil {
		err = cmd.Start()
	}
	if errors.Is(err, exec.ErrNotFound) {
		return Answer{}, fmt.Errorf("the %s program is not installed", cmd.Args[0])
	} else if err != nil {
		return Answer{}, fmt.Errorf("run %s: %w", cmd.Args[0], err)
	}
	limit(cmd)
	answer, err := hgOverStdio(q, t)
	_ = t.Close()
	if err == nil {
		cancel() // there is nothing to wait for
	}
	_ = cmd.Wait()
	if err != nil {
		return Answer{}, saidWith(err, stderr.String())
	}
	return answer, nil
}

// hgSSH are the arguments of the ssh program that asks nobody.
func hgSSH(q question) []string {
	args := []string{"-oBatchMode=yes", "-oConnectTimeout=30", "-oServerAliveInterval=15"}
	if q.port != "22" {
		args = append(args, "-p", q.port)
	}
	host := q.host
	if q.user != "" {
		host = q.user + "@" + host
	}
	return append(args, "--", host, "hg -R "+quote(hgPath(q))+" serve --stdio")
}

// hgOverHTTP makes one call.
func hgOverHTTP(ctx context.Context, client *http.Client, q question, call hgCall) ([]byte, error) {
	at, err := url.Parse(q.URL)
	if err != nil {
		return nil, errors.New("the URL cannot be read")
	}
	query := url.Values{"cmd": {call.name}}
	for _, arg := range call.args {
		query.Set(arg[0], arg[1])
	}
	at.User, at.RawQuery = nil, query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, errors.New("the URL cannot be read")
	}
	req.Header.Set("Accept", "application/mercurial-0.1")
	req.Header.Set("User-Agent", "mercurial/proto-1.0 (wright)") // some servers answer only to hg
	resp, err := send(client, req, q)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch kind := resp.Header.Get("Content-Type"); {
	case err != nil:
		return nil, fmt.Errorf("read the answer: %w", err)
	case len(body) > maxAnswer:
		return nil, fmt.Errorf("the answer is longer than %d MiB", maxAnswer>>20)
	case kind == "application/hg-error":
		return nil, fmt.Errorf("the remote says: %s", bytes.TrimSpace(body[:min(len(body), maxMessage)]))
	case kind != "application/mercurial-0.1":
		return nil, errors.New("the answer is not one of a Mercurial server")
	}
	return body, nil
}

// hgOverStdio asks an hg serve --stdio, which may be preceded by what a login
// shell prints.
func hgOverStdio(q question, rw io.ReadWriter) (Answer, error) {
	r := newHgReader(rw)
	if _, err := io.WriteString(rw, hgHello()); err != nil {
		return Answer{}, fmt.Errorf("begin: %w", err)
	}
	if err := r.skipHello(); err != nil {
		return Answer{}, err
	}
	return hgRefs(q, func(call hgCall) ([]byte, error) {
		if _, err := rw.Write(call.stdio()); err != nil {
			return nil, err
		}
		return r.answer()
	})
}
