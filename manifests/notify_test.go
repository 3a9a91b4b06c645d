package manifests

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func notifyOf(t *testing.T, source, text string) (*Notify, error) {
	t.Helper()
	m, err := Parse("shop.toml", []byte(source+"\n[[step]]\nrun = \"true\"\n"+text))
	if err != nil {
		return nil, err
	}
	return m.Notify, nil
}

func TestNotify(t *testing.T) {
	const source = "[source]\ngit = \"https://git.example.test/ann/shop.git\""
	const text = `[notify]
on-failure = "ops@example.test, ann@example.test,ops@example.test"
[[notify.webhook]]
url = "https://chat.example.test/hooks/1?room=2"
secret = "secret:chat"
[[notify.webhook]]
url = "http://chat.example.test"
secret = "secret:chat"
events = ["build-started"]
[notify.status]
kind = "gitea"
token = "secret:forge"
[[notify.plugin]]
provider = "file"
recipients = ["ops"]
events = ["build-failed"]
[notify.plugin.file]
colour = "red"
`
	got, err := notifyOf(t, source, text)
	want := &Notify{
		OnFailure: []string{"ann@example.test", "ops@example.test"},
		Webhooks: []Webhook{
			{"https://chat.example.test/hooks/1?room=2", "chat", []string{BuildFailed, BuildRecovered}},
			{"http://chat.example.test", "chat", []string{BuildStarted}},
		},
		Status:  &CommitStatus{"gitea", "https://git.example.test/api/v1", "ann/shop", "forge", "wright/shop"},
		Plugins: []Notifier{{"file", []string{"ops"}, []string{BuildFailed}, map[string]any{"colour": "red"}}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, %v, want\n%+v", got, err, want)
	}
}

// TestWhereStatusesGo: the API and the repository follow from the source.
func TestWhereStatusesGo(t *testing.T) {
	for _, c := range []struct{ source, kind, more, api, project string }{
		{"https://github.com/ann/shop.git", "github", "", "https://api.github.com", "ann/shop"},
		{"git@github.com:ann/shop.git", "github", "", "https://api.github.com", "ann/shop"},
		{"https://git.example.test/ann/shop", "github", "", "https://git.example.test/api/v3", "ann/shop"},
		{"ssh://git@git.example.test:2222/a/b/shop.git", "gitlab", "", "https://git.example.test/api/v4", "a/b/shop"},
		{"http://git.example.test:3000/ann/shop", "forgejo", "", "http://git.example.test:3000/api/v1", "ann/shop"},
		{"https://mirror.example.test/x/y/z", "gitea", "project = \"ann/shop\"\napi = \"https://git.example.test/sub/api/v1/\"", "https://git.example.test/sub/api/v1", "ann/shop"},
		{"/srv/shop", "gitea", "project = \"ann/shop\"\napi = \"https://h/api/v1\"", "https://h/api/v1", "ann/shop"},
	} {
		got, err := notifyOf(t, fmt.Sprintf("[source]\ngit = %q", c.source), fmt.Sprintf("[notify.status]\nkind = %q\ntoken = \"secret:x\"\n%s", c.kind, c.more))
		if err != nil || got.Status.API != c.api || got.Status.Project != c.project {
			t.Errorf("%s at %s: %+v, %v", c.kind, c.source, got, err)
		}
	}
}

func TestBadNotify(t *testing.T) {
	const source = "[source]\ngit = \"https://git.example.test/ann/shop.git\""
	status := func(s string) string { return "[notify.status]\nkind = \"gitea\"\ntoken = \"secret:x\"\n" + s }
	hook := func(s string) string { return "[[notify.webhook]]\nsecret = \"secret:x\"\n" + s }
	for text, want := range map[string]string{
		"[notify]\non-failure = \"ops\"":                                   `on-failure: "ops" is no mail address`,
		"[notify]\non-failure = [\"Ann <ann@example.test>\"]":              "is no mail address",
		"[notify]\non-failure = [\"a@b.test\\nBcc: c@d.test\"]":            "is no mail address",
		"[notify]\non-failure = [\"a@b.test>\"]":                           "is no mail address",
		"[notify]\non-failure = [\"\\\"a b\\\"@b.test\"]":                  "is no mail address",
		"[notify]\non-failur = []":                                         `unknown key "on-failur"`,
		"[[notify.webhook]]\nurl = \"https://h\"":                          "secret is missing",
		"[[notify.webhook]]\nurl = \"https://h\"\nsecret = \"hunter2\"":    "does not name a secret",
		"[[notify.webhook]]\nurl = \"https://h\"\nsecret = \"secret:A B\"": "it names no secret",
		hook(""):                                                             "url is missing",
		hook("url = \"file:///etc/passwd\""):                                 "no URL with http or https",
		hook("url = \"https://\""):                                           "no URL with http or https",
		hook("url = \"https://ann:pw@h/\""):                                  "holds a user or password",
		hook("url = \"https://h/\\r\\nX: y\""):                               "invisible character",
		hook("url = \"https://h/#x\""):                                       "holds a fragment",
		hook("url = \"https://h\"\nevents = [\"build-faild\"]"):              `did you mean "build-failed"?`,
		hook("url = \"https://h\"\nevents = [\"all\"]"):                      `"all" is no event: write build-started`,
		"[notify.status]\nkind = \"svn\"\ntoken = \"secret:x\"":              `"svn" takes no commit statuses`,
		"[notify.status]\nkind = \"gitea\"":                                  "token is missing",
		status("project = \"../../admin\""):                                  "which repository of the forge",
		status("project = \"a/b/c\""):                                        "which repository of the forge",
		status("project = \"a/b?x=1\""):                                      "which repository of the forge",
		status("api = \"ftp://h/\""):                                         "no URL with http or https",
		"[[notify.plugin]]\nprovider = \"a/b\"":                              "no provider's name",
		"[[notify.plugin]]\nprovider = \"file\"\nrecipients = [\"\\u202e\"]": "want 1 to 254 visible bytes",
	} {
		if _, err := notifyOf(t, source, text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s\n%v, want %s", text, err, want)
		}
	}
	for _, source := range []string{"", "[source]\nhg = \"https://h/a/b\"", "[source]\ngit = \"/srv/shop\""} {
		if _, err := notifyOf(t, source, status("")); err == nil {
			t.Errorf("a status with the source %q is taken", source)
		}
	}
}

func TestNotifyConfig(t *testing.T) {
	const text = `public-url = "https://wright.example.test/"
[smtp]
host = "mail.example.test"
user = "wright"
password = "secret:smtp"
from = "wright@example.test"
[notify]
loopback = true
deny = ["10.0.0.0/8"]
plugins = ["/usr/lib/wright"]
[notify.providers.file]
file = "/var/log/messages.jsonl"
`
	c, err := ParseConfig("m.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if want := (SMTPConfig{"mail.example.test", 587, "starttls", "", "wright", SecretRef{"secret", "smtp"}, "wright@example.test"}); c.SMTP != want {
		t.Errorf("got %+v, want %+v", c.SMTP, want)
	}
	want := NotifyConfig{
		"https://wright.example.test", HostsConfig{Deny: []string{"10.0.0.0/8"}, Loopback: true}, []string{"/usr/lib/wright"},
		map[string]map[string]any{"file": {"file": "/var/log/messages.jsonl"}},
	}
	if !reflect.DeepEqual(c.Notify, want) {
		t.Errorf("got %+v, want %+v", c.Notify, want)
	}
	for mode, port := range map[string]int{"tls": 465, "none": 25, "starttls": 587} {
		c, err := ParseConfig("m.toml", []byte(fmt.Sprintf("[smtp]\nhost = \"h\"\nfrom = \"a@b.test\"\ntls = %q", mode)))
		if err != nil || c.SMTP.Port != port {
			t.Errorf("%s: %+v, %v", mode, c, err)
		}
	}
}

func TestBadNotifyConfig(t *testing.T) {
	const smtp = "[smtp]\nhost = \"h\"\nfrom = \"a@b.test\"\n"
	for text, want := range map[string]string{
		"public-url = \"wright\"":                                   "no URL with http or https",
		"public-url = \"https://h/?a\"":                             "holds a query",
		"[smtp]\nfrom = \"a@b.test\"":                               "host is missing",
		"[smtp]\nhost = \"h\"":                                      "from is missing",
		"[smtp]\nhost = \"h\"\nfrom = \"a\"":                        "is no mail address",
		smtp + "tls = \"ssl\"":                                      `"ssl" is no protection`,
		smtp + "user = \"a\"":                                       "user and password belong together",
		smtp + "user = \"a\"\npassword = \"hunter2\"":               "does not say where the secret is kept",
		smtp + "user = \"a\"\npassword = \"env:X\"\ntls = \"none\"": "in the clear",
		smtp + "ca = \"ca.pem\"":                                    "is relative",
		"[notify]\nplugins = [\"plugins\"]":                         "is relative",
		"[notify]\nlopback = true":                                  `did you mean "loopback"?`,
		"[notify.providers]\n\"a b\" = {}":                          "no name of a notifier",
	} {
		if _, err := ParseConfig("m.toml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s\n%v, want %s", text, err, want)
		}
	}
}

// FuzzMailAddress: what is taken for an address cannot be anything else in a
// header or in what is said to a mail server.
func FuzzMailAddress(f *testing.F) {
	for _, s := range []string{"a@b.test", "a@b.test\r\nRCPT TO:<c@d>", "\"a\"@b", "<a@b>", "a@b, c@d", "a@[127.0.0.1]", "ä@b.test"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if CheckMailAddress(s) == nil && (strings.ContainsAny(s, "\r\n\x00<>, ;") || strings.Count(s, "@") < 1 || len(s) > 254) {
			t.Fatalf("%q is taken for an address", s)
		}
	})
}
