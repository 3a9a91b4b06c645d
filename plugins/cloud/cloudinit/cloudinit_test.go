package cloudinit

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"os/exec"
	"strings"
	"testing"

	"github.com/wright-build/wright/plugins"
)

func TestMake(t *testing.T) {
	env := map[string]string{"A": "it's", "B": "two\nlines\n", "LONG": strings.Repeat("x", 100_000)}
	script := "#!/bin/sh\necho hello\n"
	for _, tt := range []struct {
		name  string
		data  Data
		env   map[string]string
		parts []string // their types
	}{
		{"nothing", Data{EnvFile: "/etc/e"}, nil, nil},
		{"only theirs", Data{UserData: script}, env, nil},
		{"only ours", Data{EnvFile: "/etc/e"}, env, nil},
		{"both", Data{UserData: script, EnvFile: "/etc/e", SSHKeys: []string{"ssh-ed25519 AAAA x"}}, env, []string{"text/x-shellscript", "text/cloud-config"}},
		{"a cloud-config", Data{UserData: "#cloud-config\n{}\n", SSHKeys: []string{"ssh-ed25519 AAAA x"}}, nil, []string{"text/cloud-config", "text/cloud-config"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data, err := tt.data.Make(tt.env, 32<<10)
			if err != nil {
				t.Fatal(err)
			}
			if tt.parts == nil {
				if tt.name == "only ours" {
					ours(t, data, tt.env)
				} else if string(data) != tt.data.UserData {
					t.Errorf("got %q", data)
				}
				return
			}
			types, bodies := split(t, data)
			if strings.Join(types, " ") != strings.Join(tt.parts, " ") || bodies[0] != tt.data.UserData {
				t.Errorf("got %q %q", types, bodies)
			}
			ours(t, []byte(bodies[1]), tt.env)
		})
	}
}

// split reads an archive as any reader of MIME does.
func split(t *testing.T, data []byte) (types, bodies []string) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return types, bodies
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		body, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, p))
		if err != nil {
			t.Fatal(err)
		}
		types, bodies = append(types, kind), append(bodies, string(body))
	}
}

// ours reads our part, and has a shell read the environment.
func ours(t *testing.T, data []byte, env map[string]string) {
	t.Helper()
	text, ok := strings.CutPrefix(string(data), "#cloud-config\n")
	var doc struct {
		Files []struct{ Path, Permissions, Content string } `json:"write_files"`
	}
	if err := json.Unmarshal([]byte(text), &doc); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if len(env) == 0 {
		return
	}
	packed, err := base64.StdEncoding.DecodeString(doc.Files[0].Content)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil || doc.Files[0].Permissions != "0600" {
		t.Fatal(err, doc.Files[0].Permissions)
	}
	cmd := exec.Command("sh", "-c", string(plain)+`printf '%s|%s' "$A" "$B"`)
	if out, err := cmd.Output(); err != nil || string(out) != env["A"]+"|"+env["B"] {
		t.Errorf("a shell reads %q, %v", out, err)
	}
}

func TestRefused(t *testing.T) {
	for field, d := range map[string]Data{
		"config.user-data":   {UserData: "hello", EnvFile: "/etc/e"},
		"config.ssh-keys[1]": {SSHKeys: []string{"nonsense"}},
		"config.ssh-keys[2]": {SSHKeys: []string{"ssh-ed25519 AAAA", "ssh-ed25519 AAAA\nroot:x"}},
		"config.env-file":    {EnvFile: "etc/e"},
	} {
		if e, ok := errors.AsType[*plugins.Error](d.Check()); !ok || e.Code != plugins.Invalid || e.Field != field {
			t.Errorf("%s: %v", field, d.Check())
		}
	}
	if _, err := (Data{UserData: "#!/bin/sh\n" + strings.Repeat("#", 99)}).Make(nil, 100); plugins.CodeOf(err) != plugins.Invalid {
		t.Error(err)
	}
}
