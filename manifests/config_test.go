package manifests

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestConfig(t *testing.T) {
	text, err := os.ReadFile(configDocs)
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(text), "    # master.toml\n")
	example, _, _ = strings.Cut(example, "\n\nSecrets never")
	got, err := ParseConfig("master.toml", []byte(strings.ReplaceAll(example, "\n    ", "\n")))
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Poll:     PollConfig{Interval: time.Minute, MaxInterval: 15 * time.Minute, Timeout: 30 * time.Second, PerHost: 8},
		Hosts:    HostsConfig{Deny: []string{"*.internal.example.test", "10.0.0.0/8"}},
		Rewrites: []Rewrite{{"https://github.com/", "https://mirror.example.test/github/"}},
		Credentials: []Credential{{
			Name: "credential[1]", URL: "ssh://git@git.example.test/*", Key: SecretRef{"file", "/etc/wright/deploy_key"},
			KnownHosts: "/etc/wright/known_hosts", Instances: []string{"shop"},
		}},
		Repos: []Repo{{URL: "https://git.example.test/instances.git", Branch: "main"}},
		Hooks: []Hook{{Name: "forge", Kind: "gitea", Secret: SecretRef{"env", "WRIGHT_HOOK_SECRET"}, Window: 5 * time.Minute}},

		MinFreeMiB: 1024,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
}

func TestEmptyConfig(t *testing.T) {
	got, err := ParseConfig("master.toml", nil)
	if want := (&Config{Poll: PollConfig{Timeout: 30 * time.Second, PerHost: 8}, MinFreeMiB: 1024}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestBadConfigs(t *testing.T) {
	for text, want := range map[string]string{
		"[pol]":                   `m.toml:1:2: unknown key "pol": did you mean "poll"?`,
		"[retention]\nbuilds = 0": "m.toml:2:10: builds: want 1 to 1000000, got 0",
		"[storage]":               "m.toml:1:2: url is missing",
		"[storage]\nurl = \"s3://AKIA:geheim@bucket\"":                                      "m.toml:2:7: url: it must hold no credentials",
		"[storage]\nurl = \"bucket\"":                                                       "m.toml:2:7: url: it is no URL",
		"[disk]\nmin-free-mib = -1":                                                         "m.toml:2:16: min-free-mib: want 0 to 1073741824, got -1",
		"[disk]\nmin-free-mb = 1":                                                           `m.toml:2:1: unknown key "min-free-mb": did you mean "min-free-mib"?`,
		"poll = 5":                                                                          "m.toml:1:8: poll: want a table",
		"[poll]\ninterval = \"1h\"\nmax-interval = \"1m\"":                                  "m.toml:3:16: max-interval: is shorter than interval",
		"[poll]\ninterval = \"1ms\"":                                                        "m.toml:2:12: interval: want 100ms to 24h, got 1ms",
		"[hosts]\nallow = [\"a b\"]":                                                        `m.toml:2:10: allow: "a b" is no host`,
		"[[rewrite]]\nfrom = \"https://h/\"":                                                "m.toml:1:3: to is missing",
		"[[rewrite]]\nfrom = \"https://h/\"\nto = \"https://m/x\"":                          "m.toml:3:6: to: from and to end differently",
		"[[rewrite]]\nfrom = \"ext::x/\"\nto = \"/m/\"":                                     "m.toml:2:8: from: remote helpers are not allowed",
		"[[credential]]\nurl = \"https://h/*\"":                                             "m.toml:1:3: token is missing",
		"[[credential]]\nurl = \"https://h/*\"\ntoken = \"hunter2\"":                        "m.toml:3:9: token: does not say where the secret is kept: write",
		"[[credential]]\nurl = \"https://h/*\"\ntoken = \"env:A\"\nkey = \"env:B\"":         "m.toml:4:7: key: token and key exclude each other",
		"[[credential]]\nurl = \"https://h/*\"\nkey = \"file:k\"":                           "m.toml:3:7: key: the path of a secret is relative",
		"[[manifests]]\ngit = \"https://h/x\"\ndirectory = \"../x\"":                        "m.toml:3:13: directory: \"../x\" leaves the workspace",
		"[[hook]]\nname = \"a\"\nkind = \"svn\"\nsecret = \"env:X\"":                        `m.toml:3:8: kind: "svn" is no kind of hook`,
		"[[hook]]\nname = \"a\"\nkind = \"gitea\"\nsecret = \"env:X\"\nurls = [\"\"]":       "m.toml:5:9: urls: want a pattern of 1 to",
		"[[hook]]\nname = \"a\"\nkind = \"gitea\"":                                          "m.toml:1:3: secret is missing",
		"[[hook]]\nname = \"a/b\"\nkind = \"gitea\"\nsecret = \"env:X\"":                    `m.toml:2:8: name: "a/b" cannot be part of an address`,
		strings.Repeat("[[hook]]\nname = \"a\"\nkind = \"gitea\"\nsecret = \"env:X\"\n", 2): `m.toml:6:8: name: a second hook is called "a"`,
	} {
		_, err := ParseConfig("m.toml", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error repeats a secret: %v", err)
		}
	}
}

// Whatever the text, ParseConfig gives a configuration or errors that say where.
func FuzzParseConfig(f *testing.F) {
	f.Add([]byte("[poll]\ninterval = \"1m\"\n[hosts]\nallow = [\"*.h\"]\n[[credential]]\nurl = \"*\"\ntoken = \"env:A\"\n"))
	f.Add([]byte("[[rewrite]]\nfrom = \"/a\"\nto = \"/b\"\n[[hook]]\nname = \"a\"\nkind = \"generic\"\nsecret = \"file:/x\"\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, err := ParseConfig("m.toml", text)
		var errs Errors
		if err != nil && (!errors.As(err, &errs) || len(errs) == 0 || errs[0].Place.Line < 1) {
			t.Errorf("%#v", err)
		}
	})
}

func TestRetentionOfTheOperator(t *testing.T) {
	got, err := ParseConfig("m.toml", []byte("[retention]\nbuilds = 7\n[disk]\nmin-free-mib = 0"))
	if err != nil {
		t.Fatal(err)
	}
	if want := (Retention{Builds: 7, Age: 720 * time.Hour}); got.Retention == nil || *got.Retention != want || got.MinFreeMiB != 0 {
		t.Errorf("got %+v", got)
	}
}
