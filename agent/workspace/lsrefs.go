package workspace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
)

// errOldProtocol is a server that does not speak version 2 of git's protocol.
var errOldProtocol = errors.New("the server does not speak version 2 of git's protocol")

// lsRefs asks over HTTP by version 2, in which the server leaves out what is
// neither branch nor tag. On a forge that is most.
func (r Remotes) lsRefs(ctx context.Context, url string) (refs map[string]string, head string, err error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(url, "/")+"/info/refs?service=git-upload-pack", nil)
	if err != nil {
		return nil, "", err
	}
	said, at, err := r.exchange(q, url)
	if err != nil {
		return nil, "", err
	}
	format, ok := speaksV2(said)
	if !ok {
		return nil, "", errOldProtocol
	}
	base, _, _ := strings.Cut(at, "/info/refs") // where redirects led to
	if q, err = http.NewRequestWithContext(ctx, http.MethodPost, base+"/git-upload-pack", bytes.NewReader(lsRefsCommand(format))); err != nil {
		return nil, "", err
	}
	q.Header.Set("Content-Type", "application/x-git-upload-pack-request")
	if said, _, err = r.exchange(q, base); err != nil {
		return nil, "", err
	}
	return parseLsRefs(said)
}

// exchange sends a request to the remote at url, with the login for that, and
// returns the answer and the address that gave it.
func (r Remotes) exchange(q *http.Request, url string) (body []byte, at string, err error) {
	q.Header.Set("Git-Protocol", "version=2")
	q.Header.Set("User-Agent", "git/wright")
	user, token, ok, err := r.Access.Basic(url)
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", errFinal, err)
	}
	if ok {
		q.SetBasicAuth(user, token)
	}
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized, http.StatusForbidden:
		return nil, "", fmt.Errorf("%w: it wants a login", errFinal)
	default:
		return nil, "", fmt.Errorf("the server says %.60q", answer.Status)
	}
	body, err = io.ReadAll(io.LimitReader(answer.Body, maxStdout+1))
	if err == nil && len(body) > maxStdout {
		err = fmt.Errorf("the answer is larger than %d bytes", maxStdout)
	}
	return body, answer.Request.URL.String(), err
}

// speaksV2 reads what a server says it can, and the format of its object names.
func speaksV2(said []byte) (format string, ok bool) {
	for lines := pktline.NewScanner(bytes.NewReader(said)); lines.Scan(); {
		line := strings.TrimSuffix(string(lines.Bytes()), "\n")
		if name, found := strings.CutPrefix(line, "object-format="); found {
			format = name
		}
		switch {
		case line == "version 2":
			ok = true
		case line != "" && !ok && !strings.HasPrefix(line, "# service="):
			return "", false
		}
	}
	return format, ok
}

func lsRefsCommand(format string) []byte {
	var b bytes.Buffer
	e := pktline.NewEncoder(&b)
	lines := []string{"command=ls-refs\n"}
	if format == "sha256" {
		lines = append(lines, "object-format=sha256\n")
	}
	_ = e.EncodeString(lines...) // into memory
	b.WriteString("0001")
	_ = e.EncodeString("peel\n", "symrefs\n", "ref-prefix HEAD\n", "ref-prefix refs/heads/\n", "ref-prefix refs/tags/\n")
	_ = e.Flush()
	return b.Bytes()
}

// parseLsRefs reads lines "OBJECT NAME", with "symref-target:NAME" and
// "peeled:OBJECT" after it.
func parseLsRefs(said []byte) (refs map[string]string, head string, err error) {
	refs = map[string]string{}
	lines := pktline.NewScanner(bytes.NewReader(said))
	for lines.Scan() {
		f := strings.Fields(string(lines.Bytes()))
		if len(f) < 2 || !isFullID(f[0]) {
			continue
		}
		refs[f[1]] = f[0]
		for _, more := range f[2:] {
			if target, ok := strings.CutPrefix(more, "symref-target:"); ok && f[1] == "HEAD" {
				head = target
			}
			if peeled, ok := strings.CutPrefix(more, "peeled:"); ok && isFullID(peeled) {
				refs[f[1]+"^{}"] = peeled
			}
		}
	}
	if err := lines.Err(); err != nil {
		return nil, "", fmt.Errorf("the answer cannot be understood: %w", err)
	}
	return refs, head, nil
}
