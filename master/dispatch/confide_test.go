package dispatch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/secrets"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// kept are secrets by "instance name".
type kept map[string]string

func (k kept) Generate(context.Context, string, time.Time) error { return nil }

func (k kept) ValueFor(instance, name string) (string, error) {
	if value, ok := k[instance+" "+name]; ok {
		return value, nil
	}
	if _, others := k["other "+name]; others {
		return "", fmt.Errorf("secret: %w", secrets.ErrNotForInstance)
	}
	return "", fmt.Errorf("secret: %w", store.ErrNotFound)
}

const confiding = `
[[step]]
run = "true"
env = {TOKEN = "secret:token", PLAIN = "secret", AGAIN = "secret:token"}
[appserver]
cloud = "x"
x = {deep = [{key = "secret:deep"}], port = 1}
[dns]
provider = "y"
domain = "shop.example.test"
y = {key = "secret:others"}
[[database]]
provider = "z"
name = "main"
z = {key = "secret:gone"}
`

// TestConfiding: work goes out with the secrets that it names and no others, or
// with what to do about them; what waits to be sent never holds them.
func TestConfiding(t *testing.T) {
	m, err := manifests.Parse("shop.toml", []byte(confiding))
	if err != nil {
		t.Fatal(err)
	}
	all := kept{
		"shop token": "T", "shop deep": "D", "shop unused": "U", "other others": "O",
		"shop " + secrets.DatabasePassword("shop", "main"): "P",
	}
	queued := workOf(&state.Build{ID: "shop-1", Instance: "shop", Attempt: 1}, m)
	agent := &sent{}
	if err := (entrusting{stream: agent, secrets: all}).Send(&agentv1.FromMaster{Message: &agentv1.FromMaster_Work{Work: queued}}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range agent.all[0].GetWork().GetSecrets() {
		got = append(got, s.GetName()+"="+s.GetValue()+s.GetProblem())
	}
	want := []string{
		"deep=D",
		`gone=the manifest names the secret "gone", and there is none: wright secret set gone --instance shop`,
		`others=the secret "others" is not for instance shop: wright secret set others --instance shop`,
		"token=T", "wright.database.shop.main=P",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if text := queued.String(); len(queued.GetSecrets()) > 0 || !strings.Contains(text, "secret:deep") {
		t.Errorf("what was queued is %s", text)
	}
}
