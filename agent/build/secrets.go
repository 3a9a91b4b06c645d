package build

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/wright-build/wright/agent/appserver"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// secretsFile is where an attempt keeps what "secret:NAME" stands for, for an
// agent that takes the attempt up. It goes with all else when the attempt ends.
const secretsFile = "secrets"

// keptSecrets is the content of the file.
type keptSecrets struct {
	Values  appserver.Secrets `json:"values"`
	Problem string            `json:"problem,omitempty"`
}

// confide keeps the secrets that came with work.
func confide(dir string, all []*agentv1.Secret) error {
	if len(all) == 0 {
		return nil
	}
	values, problem := appserver.NewSecrets(all)
	kept := keptSecrets{Values: values}
	if problem != nil {
		kept.Problem = problem.Error()
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, secretsFile), text, 0o600)
}

// recallSecrets reads what confide kept.
func recallSecrets(dir string) (keptSecrets, error) {
	var kept keptSecrets
	text, err := os.ReadFile(filepath.Join(dir, secretsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return kept, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &kept)
	}
	if err != nil {
		return kept, fmt.Errorf("read the secrets of an attempt: %w", err)
	}
	return kept, nil
}

// texts are the secrets themselves.
func (k keptSecrets) texts() []string { return slices.Collect(maps.Values(k.Values)) }

// reveal gives the work with the secrets in the place of their names. It fails
// where one is missing.
func (k keptSecrets) reveal(w *agentv1.Work) (*agentv1.Work, error) {
	if k.Problem != "" {
		return w, errors.New(k.Problem)
	}
	w = proto.CloneOf(w)
	for _, s := range w.GetSteps() {
		for name, value := range s.GetEnv() {
			text, err := k.Values.Text(value)
			if err != nil {
				return w, err
			}
			s.Env[name] = text
		}
	}
	err := k.Values.Tables(w.GetAppserver().GetConfig(), w.GetDns().GetConfig(), w.GetBalancer().GetConfig(), w.GetRunner().GetConfig())
	return w, errors.Join(err, k.Values.Databases(w.GetDatabases()))
}
