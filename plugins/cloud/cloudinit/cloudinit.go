// Package cloudinit makes the user data of a server, for cloud providers whose
// servers run cloud-init: what the manifest gives, joined with keys and the
// environment. It knows no provider and not how the data reach the server.
package cloudinit

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wright-build/wright/plugins"
)

// Data is what a manifest says of it.
type Data struct {
	UserData string   // a script, a cloud-config, … or nothing
	SSHKeys  []string // public keys that may log in as the image's user
	EnvFile  string   // where the environment is written; empty means nowhere
}

// Make gives the user data, at most limit bytes of it.
func (d Data) Make(env map[string]string, limit int) ([]byte, error) {
	ours := map[string]any{}
	if len(d.SSHKeys) > 0 {
		ours["ssh_authorized_keys"] = d.SSHKeys
	}
	if d.EnvFile != "" && len(env) > 0 {
		content, err := packed(EnvFile(env))
		if err != nil {
			return nil, err
		}
		ours["write_files"] = []any{map[string]any{"path": d.EnvFile, "permissions": "0600", "encoding": "gz+b64", "content": content}}
	}
	data := []byte(d.UserData)
	if len(ours) > 0 {
		text, err := json.Marshal(ours) // JSON is YAML, too
		if err == nil {
			data, err = join(d.UserData, "#cloud-config\n"+string(text)+"\n")
		}
		if err != nil {
			return nil, err
		}
	}
	if len(data) > limit {
		return nil, plugins.Invalidf("config.user-data", "with keys and environment it has %d bytes; there is room for %d", len(data), limit)
	}
	return data, nil
}

// Check refuses what no user data can hold.
func (d Data) Check() error {
	for i, key := range d.SSHKeys {
		if kind, rest, _ := strings.Cut(key, " "); kind == "" || rest == "" || strings.ContainsAny(key, "\r\n\x00") {
			return plugins.Invalidf(fmt.Sprintf("config.ssh-keys[%d]", i+1), "%.40q is no public key such as \"ssh-ed25519 AAAA… name\"", key)
		}
	}
	if d.EnvFile != "" && !strings.HasPrefix(d.EnvFile, "/") {
		return plugins.Invalidf("config.env-file", "%.60q is not absolute", d.EnvFile)
	}
	_, err := join(d.UserData, "")
	return err
}

func packed(text string) (string, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	if err := errors.Join(err, w.Close()); err != nil {
		return "", fmt.Errorf("pack the environment: %w", err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

// join makes one archive of the manifest's part, if there is one, and ours.
func join(theirs, ours string) ([]byte, error) {
	if strings.TrimSpace(theirs) == "" {
		return []byte(ours), nil
	}
	kind := "text/x-shellscript"
	switch {
	case strings.HasPrefix(theirs, "#cloud-config"):
		kind = "text/cloud-config"
	case strings.HasPrefix(theirs, "#include"):
		kind = "text/x-include-url"
	case strings.HasPrefix(theirs, "#cloud-boothook"):
		kind = "text/cloud-boothook"
	case !strings.HasPrefix(theirs, "#!"):
		return nil, plugins.Invalidf("config.user-data", "begins with none of #!, #cloud-config, #include, #cloud-boothook")
	}
	boundary := fmt.Sprintf("wright-%x", sha256.Sum256([]byte(theirs+ours)))[:40]
	var b bytes.Buffer
	fmt.Fprintf(&b, "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=%q\n\n", boundary)
	for _, part := range [][2]string{{kind, theirs}, {"text/cloud-config", ours}} {
		// Lists of both parts are joined, not replaced.
		fmt.Fprintf(&b, "--%s\nContent-Type: %s; charset=\"utf-8\"\nX-Merge-Type: list(append)+dict(recurse_array)+str()\nContent-Transfer-Encoding: base64\n\n%s\n",
			boundary, part[0], base64.StdEncoding.EncodeToString([]byte(part[1])))
	}
	fmt.Fprintf(&b, "--%s--\n", boundary)
	return b.Bytes(), nil
}

// EnvFile is an environment as shells and systemd read it.
func EnvFile(env map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(env)) {
		fmt.Fprintf(&b, "%s='%s'\n", name, strings.ReplaceAll(env[name], "'", `'\''`))
	}
	return b.String()
}

// Fields are the keys of a provider's table in manifests that make Data.
func Fields() plugins.Schema {
	return plugins.Schema{
		{Name: "ssh-keys", Type: plugins.TypeList, Doc: "Public keys that may log in as the image's user, given to cloud-init.", Example: []any{"ssh-ed25519 AAAA… ops"}},
		{Name: "user-data", Doc: "A script or a cloud-config for cloud-init, as text.", Example: "#!/bin/sh\napt-get update\n"},
		{Name: "env-file", Doc: "The file on the server, for root only, that cloud-init writes the AppServer's environment to; empty means none.", Default: "/etc/wright/environment"},
	}
}
