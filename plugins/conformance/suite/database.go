package suite

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"strings"

	"google.golang.org/grpc"

	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/host"
)

const (
	databaseCreateDoc = "Create makes a database, or gives the one that s.Token made before, also when both calls run at the same time. " +
		"A persistent database is found again by instance and name, whatever the token, with all that is in it."
	databaseListDoc = "List gives every database that carries all of tags, half-made ones too: a persistent one once for each token " +
		"that uses it, and with no token when none does."
	databaseDeleteDoc = "Delete deletes the database of a token with all that is in it; of a persistent one it drops only the token. Deleting the missing is fine."
)

func databaseTrade() trade {
	return trade{
		noun: "database", verb: "Create", list: "List", putDoc: databaseCreateDoc, listDoc: databaseListDoc, dropDoc: databaseDeleteDoc,
		called: (*T).token,
		at: func(t *T, h *host.Host) (maker, error) {
			p, err := h.Database(t.call(), t.name)
			return databaseMaker{t, p}, err
		},
		on: func(t *T, c grpc.ClientConnInterface) maker { return databaseMaker{t, database.NewClient(c)} },
	}
}

func databaseKind() kindChecks {
	check := func(name, doc, mend string, run func(*databaseBench)) Check {
		return Check{Name: name, Doc: doc, Mend: mend, run: func(t *T) { run(newDatabaseBench(t)) }}
	}
	const found = "look a persistent database up by instance and name, two fields that never run into each other, and an ephemeral one by its token"
	return databaseTrade().kind(
		check("create gives what was asked for", databaseCreateDoc, "fill in every field of the answer", databaseLife),
		check("a URL for programs", "Database.URL is what programs connect with; Variables has it as URL too, and what else they need.",
			"build it with net/url (url.URL and url.UserPassword): scheme, user and password escaped, address", databaseURL),
		check("the ephemeral are apart", "A database that is not persistent belongs to its token alone.", found, databaseEphemeral),
		check("the ephemeral are gone", databaseDeleteDoc, "remove the data before Delete returns, and before the token is forgotten", databaseGone),
		check("the persistent are kept", databaseCreateDoc, "keep the data when a token is let go, and find them again by instance and name", databaseKept),
		check("the persistent have several users", databaseDeleteDoc, "remember every token of a persistent database, and let Delete drop just this one", databaseShared),
		check("the persistent of a name", databaseCreateDoc, found, databaseNames),
		check("the password that was given", "Spec.Password, if not empty, becomes the password of its user, every time; nobody but the caller learns of it.",
			"set the password in every Create that brings one, also when the database is there already, and keep it where only you can read; an empty one changes nothing, nor does the end of its last token. Build the URL with url.UserPassword, log no requests", databaseGiven),
		check("the token alone decides", databaseCreateDoc, "look the database up by its token first, whatever else the call says", databaseTokenDecides),
		check("the password is kept", databaseCreateDoc, "write the password down with the database, and never make another one for it", databasePassword),
		check("nothing is left of what was killed", databaseListDoc,
			"write down what you are about to make before you make it, so that the list has it whatever happens", databaseLeft),
		check("hostile names of databases", "Hostile text is kept as it is or refused as invalid, and does nothing to anything else.",
			"never put a name into a path, a command line or SQL as it stands: hash it, quote it or pass it as an argument", databaseHostile),
	)
}

// databaseMaker sees a database provider as all kinds are seen.
type databaseMaker struct {
	t *T
	p database.Provider
}

func (m databaseMaker) put(ctx context.Context, name string, _ int, tags map[string]string) (string, error) {
	made, err := m.p.Create(ctx, m.t.databaseSpec(name, "shop", tags))
	if err != nil {
		return "", err
	}
	return shownURL(made.URL), nil
}

func (m databaseMaker) all(ctx context.Context, tags map[string]string) ([]thing, error) {
	list, err := m.p.List(ctx, tags)
	things := make([]thing, 0, len(list))
	for _, d := range list {
		if d.Token != "" || !d.Persistent { // nobody uses it, and nothing can delete it
			things = append(things, thing{d.Token, shownURL(d.URL), d.Tags})
		}
	}
	return things, err
}

func (m databaseMaker) drop(ctx context.Context, name string, _ map[string]string) error {
	return m.p.Delete(ctx, name)
}

func (t *T) databaseSpec(token, name string, tags map[string]string) database.Spec {
	return database.Spec{Token: token, Name: name, Instance: "conformance", Tags: tags, Config: t.subject.Config}
}

// shownURL tells URLs from each other and shows no password.
func shownURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return fmt.Sprintf("(no URL, %x)", sha256.Sum256([]byte(s)))[:24]
	}
	password, has := u.User.Password()
	if !has {
		return u.String()
	}
	return fmt.Sprintf("%s (password %x…)", u.Redacted(), sha256.Sum256([]byte(password)))[:len(u.Redacted())+len(" (password ")+8] + "…)"
}

// databaseBench is a database provider that runs.
type databaseBench struct {
	bench
	host  *host.Host
	m     maker
	p     database.Provider
	reads bool // the probe reads what it has written
}

func newDatabaseBench(t *T) *databaseBench {
	b := &databaseBench{bench: bench{t, databaseTrade()}}
	b.again()
	return b
}

// again starts the provider (again).
func (b *databaseBench) again() {
	b.host, b.m = b.start()
	b.p = b.m.(patientMaker).maker.(databaseMaker).p
}

// make calls Create, which must work.
func (b *databaseBench) make(s database.Spec) database.Database {
	made, err := b.p.Create(b.call(), s)
	if err != nil {
		b.Report(Finding{Did: "Create " + told(s), Got: answer(nil, err), Want: databaseCreateDoc})
		b.stopNow()
	}
	return *made
}

// told tells what was asked for.
func told(s database.Spec) string {
	kept := "ephemeral"
	if s.Persistent {
		kept = "persistent"
	}
	return fmt.Sprintf("the %s database %.80q of the instance %.80q with the token %.80q", kept, s.Name, s.Instance, s.Token)
}

// kept gives the spec of a persistent database. The suite cannot delete those,
// so their names are always the same few.
func (b *databaseBench) kept(token, instance, name string) database.Spec {
	s := b.databaseSpec(b.token(token), name, b.ownTags())
	s.Instance, s.Persistent = instance, true
	return s
}

// look says whether there is a database at a URL; known is false where the suite
// has no means to see. It sees files, and what Subject.Probe sees.
func (b *databaseBench) look(s string) (there, known bool) {
	if b.subject.Probe != "" {
		_, err := b.probe(s, "", "")
		return err == nil, true
	}
	path, ok := filePath(s)
	if !ok {
		return false, false
	}
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist), true
}

// probe runs the subject's command, which may also write a text and read it.
func (b *databaseBench) probe(url, action, text string) (string, error) {
	cmd := exec.CommandContext(b.call(), "/bin/sh", "-c", b.subject.Probe)
	cmd.Env = append(os.Environ(), "URL="+url, "ACTION="+action, "TEXT="+text)
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}

// filePath gives the file that a URL such as sqlite:///path stands for.
func filePath(s string) (string, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Host != "" || !strings.HasPrefix(u.Path, "/") {
		return "", false
	}
	return u.Path, u.Scheme == "file" || strings.HasPrefix(u.Scheme, "sqlite")
}
