package hook

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
)

const (
	secret = "It's a Secret to Everybody"
	rev1   = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
	rev2   = "f0c2b1d3a4958677e8d9cab1c2d3e4f5a6b7c8d9"
	rev3   = "0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c"
)

// recordedAt is when the deliveries of testdata were signed.
func recordedAt() time.Time { return time.Unix(1779000000, 0) }

// recorded reads a delivery of testdata.
func recorded(t testing.TB, name string) (kindName string, d delivery) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".http"))
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(bytes.NewReader(text))
	header, err := textproto.NewReader(r).ReadMIMEHeader()
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	d = delivery{header: http.Header(header), body: body}
	if d.payload, err = payloadOf(d.header.Get("Content-Type"), body); err != nil {
		t.Fatal(err)
	}
	kindName, _, _ = strings.Cut(name, "-")
	return kindName, d
}

// secretOf is what signed a delivery of testdata.
func secretOf(name string) []byte {
	if name == "gitlab-push-signed" {
		return []byte("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
	}
	return []byte(secret)
}

// deliveries is what each delivery of testdata comes to.
func deliveries() map[string]string {
	const (
		github = "git https://github.com/acme/shop.git "
		gitea  = "git https://git.example.test:3000/acme/shop.git,ssh://git@git.example.test:2222/acme/shop.git,https://git.example.test:3000/acme/shop "
		gitlab = "git https://gitlab.example.test/acme/shop.git "
		cloud  = "git https://bitbucket.org/acme/shop "
		center = "git ssh://git@bitbucket.example.test:7999/acme/shop.git,https://bitbucket.example.test/scm/acme/shop.git "
		ours   = "git https://git.example.test/acme/shop.git "
		moved  = " " + rev1 + " " + rev2 + "\n"
	)
	giteaOne := strings.Replace(gitea, ",https://git.example.test:3000/acme/shop ", " ", 1)
	return map[string]string{
		"github-push":           github + "refs/heads/main" + moved + github + "HEAD" + moved,
		"github-push-form":      github + "refs/heads/main" + moved + github + "HEAD" + moved,
		"github-push-topic":     github + "refs/heads/topic" + moved,
		"github-branch-created": github + "refs/heads/topic - " + rev2 + "\n",
		"github-branch-deleted": github + "refs/heads/topic " + rev2 + " -\n",
		"github-tag":            github + "refs/tags/v1.2 ask\n",
		"github-create":         github + "refs/tags/v1.2 ask\n",
		"github-delete":         github + "refs/heads/topic ask\n",
		"github-default-branch": github + "HEAD ask\n",
		"github-ping":           "",
		"github-issues":         "ignored",

		"gitea-push":      giteaOne + "refs/heads/main" + moved + giteaOne + "HEAD" + moved,
		"gitea-push-form": giteaOne + "refs/heads/main" + moved + giteaOne + "HEAD" + moved,
		"gitea-tag":       giteaOne + "refs/tags/v1.2 ask\n",
		"gitea-create":    giteaOne + "refs/heads/topic ask\n",
		"forgejo-push":    giteaOne + "refs/heads/main" + moved + giteaOne + "HEAD" + moved,
		"forgejo-delete":  giteaOne + "refs/heads/topic ask\n",

		"gitlab-push":           gitlab + "refs/heads/main" + moved + gitlab + "HEAD" + moved,
		"gitlab-push-signed":    gitlab + "refs/heads/main" + moved + gitlab + "HEAD" + moved,
		"gitlab-branch-deleted": gitlab + "refs/heads/topic " + rev1 + " -\n",
		"gitlab-tag":            gitlab + "refs/tags/v1.2 ask\n",
		"gitlab-system-push":    gitlab + "refs/heads/main" + moved + gitlab + "HEAD" + moved,
		"gitlab-system-update":  gitlab + "refs/heads/main" + moved + gitlab + "HEAD" + moved + gitlab + "refs/tags/v1.2 ask\n",
		"gitlab-system-user":    "ignored",
		"gitlab-merge-request":  "ignored",

		"bitbucket-cloud-push": cloud + "refs/heads/main" + moved + cloud + "HEAD ask\n" + cloud + "refs/tags/v1.2 ask\n" +
			cloud + "refs/heads/topic " + rev1 + " -\n" + cloud + "HEAD ask\n",
		"bitbucket-cloud-fork": "ignored",
		"bitbucket-datacenter-push": center + "refs/heads/main" + moved + center + "HEAD ask\n" +
			center + "refs/heads/topic - " + rev3 + "\n" + center + "HEAD ask\n",
		"bitbucket-datacenter-ping": "",

		"generic-one": ours + "refs/heads/main" + moved + ours + "HEAD ask\n",
		"generic-list": ours + "refs/heads/main ask\n" + ours + "HEAD ask\n" +
			"hg https://hg.example.test/shop refs/heads/default" + moved + "hg https://hg.example.test/shop HEAD" + moved +
			ours + "refs/heads/topic - " + rev2 + "\n" + ours + "HEAD ask\n",
	}
}

// show writes changes down, one a line.
func show(changes []Change) string {
	var b strings.Builder
	or := func(revision string) string {
		if revision == "" {
			return "-"
		}
		return revision
	}
	for _, c := range changes {
		fmt.Fprintf(&b, "%s %s %s", c.VCS, strings.Join(c.URLs, ","), c.Ref)
		if c.Ask {
			b.WriteString(" ask\n")
		} else {
			fmt.Fprintf(&b, " %s %s\n", or(c.Before), or(c.After))
		}
	}
	return b.String()
}

// TestRecordedDeliveries: what senders really send is taken for signed, and
// read for what it says.
func TestRecordedDeliveries(t *testing.T) {
	files, err := filepath.Glob("testdata/*.http")
	if err != nil || len(files) != len(deliveries()) {
		t.Errorf("%d deliveries in testdata and %d expectations: %v", len(files), len(deliveries()), err)
	}
	for name, want := range deliveries() {
		kindName, d := recorded(t, name)
		k := kinds(kindName)
		if err := k.signed(d, secretOf(name), 5*time.Minute, recordedAt()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		changes, err := k.changes(d.first(k.events), d.payload)
		got := show(changes)
		if errors.Is(err, errIgnored) {
			got, err = "ignored", nil
		}
		if err != nil || got != want {
			t.Errorf("%s: %v\n got %s\nwant %s", name, err, got, want)
		}
		if kindName != "generic" && d.first(k.ids) == "" {
			t.Errorf("%s: no header names the delivery", name)
		}
	}
}

// TestBadPayloads: what is signed and not understood is told, and changes
// nothing.
func TestBadPayloads(t *testing.T) {
	const repo = `"repository":{"clone_url":"https://git.example.test/shop.git","default_branch":"main"}`
	tests := []struct{ kind, event, payload, want string }{
		{"github", "push", `{"ref":`, "not the JSON of such an event"},
		{"github", "push", `[]`, "not the JSON of such an event"},
		{"github", "push", `{"ref":7}`, "ref"},
		{"github", "push", `{"ref":"refs/heads/main","before":"` + rev1 + `","after":"` + rev2 + `"}`, "no address"},
		{"github", "push", `{"ref":"refs/heads/main","before":"` + rev1 + `","after":"` + rev2 + `","repository":{"clone_url":"ext::sh -c id"}}`, "no address"},
		{"github", "push", `{"ref":"refs/heads/main","before":"` + rev1 + `","after":"f00",` + repo + `}`, "no whole commit ID"},
		{"github", "push", `{"ref":"refs/heads/main","before":"","after":"` + rev2 + `",` + repo + `}`, "no whole commit ID"},
		{"github", "push", `{"ref":"main","before":"` + rev1 + `","after":"` + rev2 + `",` + repo + `}`, "no full ref"},
		{"github", "push", `{"ref":"refs/heads/../x","before":"` + rev1 + `","after":"` + rev2 + `",` + repo + `}`, "git does not allow"},
		{"github", "push", `{"ref":"refs/heads/` + strings.Repeat("x", 1e6) + `","before":"` + rev1 + `","after":"` + rev2 + `",` + repo + `}`, "longer than"},
		{"gitlab", "Push Hook", `{"event_name":"push"}`, "no address"},
		{"gitlab", "System Hook", `{"event_name":"repository_update","project":{"web_url":"https://h/p"},"changes":[` +
			strings.Repeat(`{},`, maxChanges) + `{}]}`, "more than 1000"},
		{"bitbucket", "repo:push", `{"push":{"changes":[{}]}}`, "no address"},
		{"bitbucket", "repo:push", `{"repository":{"links":{"html":{"href":"https://h/p"}}},"push":{"changes":[` + strings.Repeat(`{},`, maxChanges) + `{}]}}`, "more than 1000"},
		{"bitbucket", "repo:refs_changed", `{"repository":{"slug":"shop"},"changes":[]}`, "no address"},
		{"bitbucket", "repo:refs_changed", `{"repository":{"links":{"clone":[{"href":"https://h/p"}]}},"changes":[` + strings.Repeat(`{},`, maxChanges) + `{}]}`, "more than 1000"},
		{"generic", "", ``, "EOF"},
		{"generic", "", `{} {}`, "more than one"},
		{"generic", "", `{"url":"https://h/p","ref":"refs/heads/main","branch":"main"}`, `unknown field "branch"`},
		{"generic", "", `{"url":"https://h/p","ref":"main"}`, "change 1: the payload's ref: \"main\" is no full ref"},
		{"generic", "", `{"url":"https://u:secret@h/p","ref":"refs/heads/main"}`, "password"},
		{"generic", "", `{"url":"h/p","ref":"refs/heads/main"}`, "neither a URL"},
		{"generic", "", `{"vcs":"cvs","url":"https://h/p","ref":"refs/heads/main"}`, "no version control"},
		{"generic", "", `{"url":"https://h/p","ref":"refs/heads/main","before":"x","after":""}`, "no whole commit ID"},
		{"generic", "", `[` + strings.Repeat(`{},`, maxChanges) + `{}]`, "more than 1000"},
	}
	for _, tt := range tests {
		changes, err := kinds(tt.kind).changes(tt.event, []byte(tt.payload))
		if err == nil || !strings.Contains(err.Error(), tt.want) || len(changes) > 0 {
			t.Errorf("%s %s %.100s: %v, %v; want %q", tt.kind, tt.event, tt.payload, changes, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error tells a password: %v", err)
		}
	}
}

// TestNothingForUs: what is right and tells of no branch or tag of git is no
// error.
func TestNothingForUs(t *testing.T) {
	const project = `"project":{"git_http_url":"https://h/p.git"}`
	tests := []struct{ kind, event, payload string }{
		{"gitlab", "Pipeline Hook", `{"event_name":"push",` + project + `}`},
		{"gitlab", "System Hook", `{"event_name":"project_create",` + project + `}`},
		{"bitbucket", "repo:push", `{"repository":{"links":{"html":{"href":"https://h/p"}}},"push":{"changes":[{"new":{"type":"named_branch","name":"default"}}, {}]}}`},
		{"bitbucket", "pullrequest:created", `{}`},
		{"github", "repository", `{"action":"renamed"}`},
		{"gitea", "issues", ``},
	}
	for _, tt := range tests {
		if changes, err := kinds(tt.kind).changes(tt.event, []byte(tt.payload)); len(changes) > 0 || err != nil && !errors.Is(err, errIgnored) {
			t.Errorf("%s %s: %v, %v", tt.kind, tt.event, changes, err)
		}
	}
}

// FuzzChanges: whatever comes in, what comes out may be watched.
func FuzzChanges(f *testing.F) {
	events := map[string][]string{
		"github":    {"push", "create", "delete", "repository"},
		"gitlab":    {"Push Hook", "System Hook"},
		"bitbucket": {"repo:push", "repo:refs_changed"},
		"generic":   {""},
	}
	for name := range deliveries() {
		_, d := recorded(f, name)
		f.Add(d.payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		for kindName, names := range events {
			for _, event := range names {
				changes, err := kinds(kindName).changes(event, payload)
				if err != nil && len(changes) > 0 || len(changes) > 2*maxChanges {
					t.Fatalf("%s %s: %d changes, %v", kindName, event, len(changes), err)
				}
				for _, c := range changes {
					wantWatchable(t, c)
				}
			}
		}
	})
}

func wantWatchable(t *testing.T, c Change) {
	t.Helper()
	if err := manifests.CheckRef(c.Ref); err != nil || len(c.URLs) == 0 {
		t.Fatalf("%+v: %v", c, err)
	}
	for _, url := range c.URLs {
		if err := manifests.CheckURL(c.VCS, url); err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
	}
	for _, revision := range []string{c.Before, c.After} {
		if revision != "" && (len(revision) != 40 && len(revision) != 64 || strings.Trim(revision, "0123456789abcdef") != "" || strings.Trim(revision, "0") == "") {
			t.Fatalf("%+v", c)
		}
	}
}
