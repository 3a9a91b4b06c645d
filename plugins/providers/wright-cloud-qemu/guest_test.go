package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/lab/labtest"
)

// login runs a command on a server as root.
func login(t *testing.T, made *cloud.Server, key ssh.Signer, command string) string {
	t.Helper()
	at := net.JoinHostPort(made.Address, made.Variables["WRIGHT_APPSERVER_SSH_PORT"])
	var conn *ssh.Client
	eventually(t, "a login at "+at, func() bool {
		var err error
		conn, err = ssh.Dial("tcp", at, &ssh.ClientConfig{
			User: made.Variables["WRIGHT_APPSERVER_USER"], Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: 2 * time.Minute,
		})
		if err != nil {
			t.Log(err)
		}
		return err == nil
	})
	defer func() { _ = conn.Close() }()
	session, err := conn.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	out, err := session.CombinedOutput(command)
	if err != nil {
		t.Fatalf("%s: %v: %s", command, err, out)
	}
	return string(out)
}

func newKey(t *testing.T) (ssh.Signer, string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return key, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key.PublicKey())))
}

// A real Debian boots, takes what the manifest gives through cloud-init, keeps its
// disk over the death of its QEMU, and is reached at its ports.
func TestGuest(t *testing.T) {
	env := labtest.Start(t, "vm").Env
	key, public := newKey(t)
	state := t.TempDir()
	p := open(t, start(t, state, map[string]any{"images": env["VM_IMAGES"], "image": env["VM_IMAGE"], "accel": "tcg"})) // KVM within a virtual machine may hang without a word
	began := time.Now()
	made := create(t, state, p, cloud.Spec{
		Token: "shop-12-1", Name: "Shop 12", Flavor: "1x512", Env: map[string]string{"GREETING": "it's\ntwo lines"},
		Config: map[string]any{
			"ssh-keys": []any{public}, "port": 8080, "boot-timeout": "20m", "disk": 2,
			"user-data": "#!/bin/sh\necho by the manifest >/root/made\n",
		},
	})
	t.Logf("it greets after %v", time.Since(began).Round(time.Second))
	out := login(t, made, key, `until [ -e /run/cloud-init/result.json ]; do sleep 1; done; . /etc/wright/environment; printf '%s|' "$GREETING"; cat /root/made; hostname; stat -c %a /etc/wright/environment; lsblk -bdno SIZE /dev/vda`)
	t.Logf("cloud-init was ready after %v", time.Since(began).Round(time.Second))
	for _, want := range []string{"it's\ntwo lines|by the manifest\n", "shop-12-", "\n600\n", "2147483648"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in %q", want, out)
		}
	}
	console, err := p.(cloud.Consoler).Console(t.Context(), "shop-12-1")
	if err != nil || !strings.Contains(string(console), "login:") && !strings.Contains(string(console), "cloud-init") {
		t.Errorf("the console says %.300q, %v", console, err)
	}
	login(t, made, key, "python3 -m http.server 8080 >/dev/null 2>&1 & sync; echo kept >/root/kept; sync")
	eventually(t, "an answer at its port", func() bool {
		return answered(net.JoinHostPort(made.Address, strconv.Itoa(made.Port)))
	})
	dir := now{servers: state + "/cloud-qemu/servers"}
	killMarked(dir.dirOf("shop-12-1"))
	eventually(t, "a list in which it starts", func() bool {
		list, err := p.List(t.Context(), nil)
		return err == nil && len(list) == 1 && list[0].State == cloud.Starting
	})
	again, err := p.Create(t.Context(), cloud.Spec{Token: "shop-12-1", Image: env["VM_IMAGE"], Config: map[string]any{"boot-timeout": "20m"}})
	if err != nil || again.Address != made.Address {
		t.Fatal(again, err)
	}
	if out := login(t, made, key, "cat /root/kept"); out != "kept\n" {
		t.Errorf("of its disk is left %q", out)
	}
	if _, err := p.Get(t.Context(), "another"); plugins.CodeOf(err) != plugins.NotFound {
		t.Error(err)
	}
}

func answered(at string) bool {
	conn, err := net.DialTimeout("tcp", at, time.Second)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Write([]byte("GET / HTTP/1.0\r\n\r\n")); err != nil {
		return false
	}
	var b [4]byte
	_, err = conn.Read(b[:])
	return err == nil && string(b[:]) == "HTTP"
}
