package build

import (
	"path/filepath"

	"google.golang.org/protobuf/proto"

	"github.com/wright-build/wright/agent/workspace/access"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// logins is the directory in which an attempt keeps what it opens remotes with,
// for the steps to use and for an agent that takes the attempt up. It goes with
// all else when the attempt ends.
const logins = "logins"

// entrust keeps the credentials that came with work.
func entrust(dir string, all []*agentv1.Credential) error {
	var kept []access.Login
	for _, c := range all {
		kept = append(kept, access.Login{
			URL: c.GetUrl(), User: c.GetUser(), SSH: c.GetSsh(), Token: c.GetToken(), Key: c.GetKey(),
			KnownHosts: c.GetKnownHosts(), Problem: c.GetProblem(),
		})
	}
	return access.Keep(filepath.Join(dir, logins), kept)
}

// withoutSecrets is work as the journal may have it.
func withoutSecrets(w *agentv1.Work) *agentv1.Work {
	if len(w.GetCredentials())+len(w.GetSecrets()) == 0 {
		return w
	}
	w = proto.CloneOf(w)
	w.Credentials, w.Secrets = nil, nil
	return w
}
