package suite

import (
	"fmt"
	"maps"
	"path/filepath"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

const (
	elsewhereDoc  = "A token is one of the installation that Configure names: in one account another installation may have an equal one, for another server, which stays as it is."
	elsewhereMend = "make what the backend keeps unique of Settings.Installation and the token (a hash of both), and find servers by both; where there is one of another installation answer plugins.Exists"
)

// cloudElsewhere has another installation use the account, with a directory of its
// own and the same token.
func cloudElsewhere(b *cloudBench) {
	_, p := b.start()
	s := b.spec("shared")
	mine := b.create(p, s)
	h := b.openFor(b.installation()+"-another", filepath.Join(b.TempDir(), "state"), b.settings())
	theirs, err := h.Cloud(b.call(), b.name)
	if err != nil {
		b.Report(Finding{Did: "start the provider for another installation, with a directory of its own", Got: answer(nil, err)})
		return
	}
	q := patientCloud{theirs, b.T}
	other := s
	other.Tags = maps.Clone(s.Tags)
	other.Tags[plugins.InstallationTag] = b.installation() + "-another"
	defer func() { _ = q.Delete(b.call(), s.Token) }()
	did := fmt.Sprintf("Create token %q, then Create it by a provider that is configured for another installation", s.Token)
	made, err := q.Create(b.call(), other)
	switch code := plugins.CodeOf(b.seen(err)); {
	case err == nil && same(*made, mine):
		b.Report(Finding{Did: did, Got: "the server of the first: " + about(*made)})
	case err != nil && code != plugins.Exists && code != plugins.Quota:
		b.Report(Finding{Did: did, Got: answer(nil, err)})
	}
	b.stays(p, s, mine, did)
	if err := q.Delete(b.call(), s.Token); b.seen(err) != nil {
		b.Report(Finding{Did: did + ", then Delete by the other", Got: answer(nil, err)})
	}
	b.stays(p, s, mine, did+", then Delete by the other")
}

// stays wants the first installation's server as it was.
func (b *cloudBench) stays(p cloud.Provider, s cloud.Spec, mine cloud.Server, did string) {
	if got, err := p.Get(b.call(), s.Token); err != nil || !same(*got, mine) {
		b.Report(Finding{Did: did + ", then Get by the first", Got: answer(got, err) + "\nit was: " + about(mine)})
	}
	b.expect(p, Finding{Did: did + ", then List by the first"}, s.Token)
}
