package access

import (
	"slices"
	"strings"
	"testing"
)

func TestRemoteOfSSH(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"git@host", "git-upload-pack 'acme/shop.git'"}, "ssh://git@host/acme/shop.git"},
		{[]string{"-o", "SendEnv=GIT_PROTOCOL", "-p", "2222", "git@host", "git-upload-pack '/acme/shop.git'"}, "ssh://git@host:2222/acme/shop.git"},
		{[]string{"-oSendEnv=GIT_PROTOCOL", "-p2222", "-4", "host", "git-receive-pack '/it'\\''s'"}, "ssh://host:2222/it%27s"},
		{[]string{"-l", "ann", "--", "host", "git upload-pack '/wow'\\!''"}, "ssh://ann@host/wow%21"},
		{[]string{"ann@::1", "git-upload-archive '/x'"}, "ssh://ann@[::1]/x"},
		{[]string{"hg@host", "hg -R acme/shop serve --stdio"}, "ssh://hg@host/acme/shop"},
		{[]string{"hg@host", "hg -R /srv/shop serve --stdio"}, "ssh://hg@host//srv/shop"},
		{[]string{"git@host", "git-lfs-authenticate acme/shop.git upload"}, "ssh://git@host/acme/shop.git"},
		{[]string{"git@host", "git-lfs-transfer", "acme/shop.git", "upload"}, "ssh://git@host/acme/shop.git"},
		{[]string{"host", "ls"}, "ssh://host/"},
		{[]string{"host"}, "ssh://host/"},
		{[]string{"-p"}, "ssh:///"},
		{nil, "ssh:///"},
	} {
		if got := parseSSH(c.args).remote(); strings.ReplaceAll(strings.ReplaceAll(got, "'", "%27"), "!", "%21") != c.want {
			t.Errorf("%q: %s, want %s", c.args, got, c.want)
		}
	}
}

// TestTwoKeysOnOneHost: the path decides, and what no key is for keeps its arguments.
func TestTwoKeysOnOneHost(t *testing.T) {
	a := open(t, logins())
	for _, c := range []struct {
		args      []string
		key, want string
	}{
		{[]string{"git@git.example.test", "git-upload-pack 'acme/shop.git'"}, "/key-4", "git@git.example.test git-upload-pack 'acme/shop.git'"},
		{[]string{"git@git.example.test", "git-upload-pack 'blog.git'"}, "/key-5", "deploy@git.example.test git-upload-pack 'blog.git'"},
		{[]string{"-4", "git.example.test", "git-upload-pack '/acme/shop.git'"}, "/key-4", "-4 git@git.example.test git-upload-pack '/acme/shop.git'"},
		{[]string{"-p", "22", "ann@git.example.test", "git-upload-pack '/acme/x'"}, "/key-4", "-p 22 ann@git.example.test git-upload-pack '/acme/x'"},
		{[]string{"git@other.test", "git-upload-pack 'acme/shop.git'"}, "", "git@other.test git-upload-pack 'acme/shop.git'"},
		{[]string{"-p", "2222", "git@git.example.test", "git-upload-pack 'acme'"}, "", "-p 2222 git@git.example.test git-upload-pack 'acme'"},
	} {
		args, fits, err := sshArgs(a.logins, c.args)
		if err != nil {
			t.Fatal(err)
		}
		line := strings.Join(args, " ")
		if !strings.HasSuffix(line, c.want) || !slices.Contains(args, "BatchMode=yes") {
			t.Errorf("%q: %q", c.args, args)
		}
		key := ""
		if i := slices.Index(args, "-i"); i >= 0 {
			key = args[i+1]
		}
		if fits != (c.key != "") || !strings.HasSuffix(key, c.key) || (key == "") != (c.key == "") || strings.Contains(line, "StrictHostKeyChecking=yes") != (key != "") {
			t.Errorf("%q: key %q", c.args, key)
		}
		if hosts := strings.Contains(line, `UserKnownHostsFile="`+strings.ReplaceAll(a.dir, "%", "%%")+"/hosts-4"); hosts != (c.key == "/key-4") {
			t.Errorf("%q: %q", c.args, args)
		}
	}
	if _, _, err := sshArgs(a.logins, []string{"git@broken.example.test", "git-upload-pack 'x'"}); err == nil {
		t.Error("a broken one is no error")
	}
}

func FuzzSSH(f *testing.F) {
	f.Add("-p\x0022\x00git@git.example.test\x00git-upload-pack 'acme/shop.git'")
	f.Add("-o\x00-l\x00\x00@\x00hg -R '\\''")
	f.Fuzz(func(t *testing.T, line string) {
		given := strings.Split(line, "\x00")
		args, _, err := sshArgs(logins(), given)
		if err != nil {
			return
		}
		if keyed := slices.Contains(args, "IdentitiesOnly=yes") && !slices.Contains(given, "IdentitiesOnly=yes"); keyed && !strings.EqualFold(strings.Trim(strings.TrimRight(parseSSH(given).host, "."), "[]"), "git.example.test") {
			t.Errorf("%q gets a key: %q", given, args)
		}
	})
}
