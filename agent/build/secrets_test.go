package build

import (
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"

	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

func secretive(t *testing.T) *agentv1.Work {
	t.Helper()
	table, err := structpb.NewStruct(map[string]any{"key": "secret:key", "list": []any{"x", map[string]any{"token": "secret:token"}}})
	if err != nil {
		t.Fatal(err)
	}
	return &agentv1.Work{
		Steps:     []*agentv1.Step{{Env: map[string]string{"A": "secret:token", "B": "plain"}}},
		Appserver: &agentv1.AppServer{Config: table},
		Databases: []*agentv1.Database{{Password: "secret:wright.database.shop.main"}},
	}
}

// TestSecretsOfWork: what an attempt kept takes the place of its names, in
// memory only.
func TestSecretsOfWork(t *testing.T) {
	dir := t.TempDir()
	if err := confide(dir, []*agentv1.Secret{
		{Name: "token", Value: "T0KEN"}, {Name: "key", Value: "K3Y\nof two lines"}, {Name: "wright.database.shop.main", Value: "P4SS"},
	}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir + "/" + secretsFile); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("kept as %v, %v", info, err)
	}
	kept, err := recallSecrets(dir)
	if err != nil {
		t.Fatal(err)
	}
	named := secretive(t)
	w, err := kept.reveal(named)
	if err != nil {
		t.Fatal(err)
	}
	table := w.GetAppserver().GetConfig().AsMap()
	list := table["list"].([]any)
	if w.GetSteps()[0].GetEnv()["A"] != "T0KEN" || w.GetSteps()[0].GetEnv()["B"] != "plain" || table["key"] != "K3Y\nof two lines" ||
		list[0] != "x" || list[1].(map[string]any)["token"] != "T0KEN" || w.GetDatabases()[0].GetPassword() != "P4SS" {
		t.Errorf("got %s", w)
	}
	if text := named.String(); strings.Contains(text, "T0KEN") || strings.Contains(text, "P4SS") {
		t.Errorf("the work as it was kept has them now: %s", text)
	}
	if got := len(kept.texts()); got != 3 {
		t.Errorf("%d are redacted", got)
	}
}

func TestMissingSecrets(t *testing.T) {
	dir := t.TempDir()
	if err := confide(dir, []*agentv1.Secret{{Name: "token", Problem: "there is none: do this"}, {Name: "key", Value: "x"}}); err != nil {
		t.Fatal(err)
	}
	kept, err := recallSecrets(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kept.reveal(secretive(t)); err == nil || !strings.Contains(err.Error(), "do this") {
		t.Errorf("got %v", err)
	}
	none, err := recallSecrets(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := none.reveal(secretive(t)); err == nil || !strings.Contains(err.Error(), "token") && !strings.Contains(err.Error(), "key") {
		t.Errorf("where the master sent none: %v", err)
	}
}
