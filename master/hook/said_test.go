package hook

import (
	"fmt"
	"strings"
	"testing"
)

// sayings is what a delivery tells of commits, a line for each change of a
// branch or tag.
func sayings(t *testing.T, kindName, event string, payload []byte) string {
	t.Helper()
	changes, err := kinds(kindName).changes(event, payload)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, c := range changes {
		switch {
		case c.Ref == "HEAD":
		case c.Said == nil:
			lines = append(lines, "-")
		default:
			lines = append(lines, strings.TrimSpace(c.Said.Message+" "+strings.Join(c.Said.Paths, " ")))
		}
	}
	return strings.Join(lines, ", ")
}

// What forges tell of a commit need not be looked up.
func TestWhatForgesSay(t *testing.T) {
	for name, want := range map[string]string{
		"github-push": "Fix the basket basket.go", "github-branch-deleted": "-",
		"gitea-push": "Fix the basket", "forgejo-push": "Fix the basket",
		"gitlab-push": "Fix the basket", "gitlab-system-push": "-", "gitlab-system-update": "-, -",
		"bitbucket-cloud-push": "Fix the basket, Fix the basket, -", "bitbucket-datacenter-push": "-, -",
		"generic-list": "-, -, -",
	} {
		kindName, d := recorded(t, name)
		if got := sayings(t, kindName, d.first(kinds(kindName).events), d.payload); strings.Join(strings.Fields(got), " ") != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// Only what is told of the very revision is passed on, and of changed files only
// what is certain.
func TestWhatIsSaid(t *testing.T) {
	one := fmt.Sprintf(`{"id":%q,"message":"fix","added":["a"],"modified":["src/m","\"q\""],"removed":["r"]}`, rev2)
	other := fmt.Sprintf(`{"id":%q,"message":"other","modified":["o"]}`, rev1)
	for name, c := range map[string]struct{ more, want string }{
		"nothing":                  {``, "-"},
		"one commit":               {`,"forced":false,"head_commit":` + one + `,"commits":[` + one + `]`, "fix src/m a r"},
		"without the head":         {`,"forced":false,"head_commit":null,"commits":[` + one + `]`, "fix src/m a r"},
		"several":                  {`,"forced":false,"head_commit":` + one + `,"commits":[` + other + `,` + one + `]`, "fix"},
		"forced":                   {`,"forced":true,"head_commit":` + one + `,"commits":[` + one + `]`, "fix"},
		"it is not said if forced": {`,"head_commit":` + one + `,"commits":[` + one + `]`, "fix"},
		"of another revision":      {`,"forced":false,"head_commit":` + other + `,"commits":[` + other + `]`, "-"},
		"no message":               {`,"head_commit":{"id":"` + rev2 + `"}`, "-"},
		"an empty one":             {`,"head_commit":{"id":"` + rev2 + `","message":""}`, ""},
		"a long one":               {`,"head_commit":{"id":"` + rev2 + `","message":"` + strings.Repeat("x", maxMessage+1) + `"}`, "-"},
		"of another form":          {`,"forced":false,"head_commit":` + one + `,"commits":[7]`, "-"},
		"more files than matter": {`,"forced":false,"commits":[{"id":"` + rev2 + `","message":"fix","added":["` +
			strings.Repeat("x", maxPath+1) + `",` + strings.Repeat(`"f",`, maxPaths) + `"g"]}]`, "fix" + strings.Repeat(" f", maxPaths)},
	} {
		payload := fmt.Sprintf(`{"ref":"refs/heads/main","before":%q,"after":%q,"repository":{"clone_url":"%s.git"}%s}`, rev1, rev2, shop, c.more)
		if got := sayings(t, "github", "push", []byte(payload)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	const ours = `{"url":"` + shop + `","ref":"refs/heads/main","before":"` + rev1 + `","after":"` + rev2 + `","message":"fix [skip ci]"}`
	if got := sayings(t, "generic", "", []byte(ours)); got != "fix [skip ci]" {
		t.Errorf("generic: %q", got)
	}
	center := fmt.Sprintf(`{"repository":{"links":{"clone":[{"href":%q}]}},"changes":[{"refId":"refs/heads/main","fromHash":%q,"toHash":%q,"toCommit":{"id":%[3]q,"message":"fix"}}]}`, shop, rev1, rev2)
	if got := sayings(t, "bitbucket", "repo:refs_changed", []byte(center)); got != "fix" {
		t.Errorf("Bitbucket Data Center: %q", got)
	}
}
