package suite

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/wright-build/wright/plugins"
)

// commonChecks are what every plugin must do, whatever its kind.
func commonChecks() []Check {
	return []Check{
		{Name: "says what it is", Doc: "Describe answers before Configure, always the same: kind, name, version, documentation and schemas.",
			Mend: "answer Describe from constants", run: commonDescribe},
		{Name: "states a schema", Doc: "The provider states the keys of its tables: types, defaults, which are secret, and a sentence about each.",
			Mend: "set Plugin.Settings and Plugin.Config; an empty Schema{} takes no key", run: commonSchema},
		{Name: "configure again", Doc: "Configure may be repeated, with the same settings or others.",
			Mend: "let Configure replace what it made before, and let it find what is already there", run: commonConfigure},
		{Name: "wrong settings are refused", Doc: "An unknown key and a value of the wrong type are invalid, with the path of the field.",
			Mend: "check the tables with the schema; package plugins does it for Go when Plugin.Settings is set", run: commonWrongSettings},
		{Name: "wrong credentials are denied", Doc: "Missing or wrong credentials give the code denied, at Configure or at the first call, without a retry.",
			Mend: "map 401 and 403 of the backend to plugins.Denied, at once", run: commonWrongCredentials},
		{Name: "backend: down at the start", Doc: "A start takes 15 s at most, Configure included, whether the backend works or not; afterwards everything works as soon as the backend does.",
			Mend: "ask the backend for nothing in Configure, or give each request a timeout of some seconds and answer with plugins.Transient", run: commonDownAtStart},
		{Name: "goodbye ends the process", Doc: "The process ends within 2 s after the host says goodbye (/plugin.GRPCController/Shutdown), with everything it started that is not a made thing.",
			Mend: "stop the server and exit when Shutdown is called, and end your child processes", run: endsBy(goodbye, 2*time.Second)},
		{Name: "the host's death ends the process", Doc: "The standard input is a pipe from the host; its end is the end of the process and of its children, so that no dead agent leaves a provider running.",
			Mend: "read the standard input in a thread and exit at its end", run: endsBy(hangUp, 5*time.Second)},
		{Name: "SIGTERM ends the process", Doc: "SIGTERM ends the process within 5 s.",
			Mend: "do not ignore SIGTERM", run: endsBy(terminate, 5*time.Second)},
		{Name: "writes nowhere else", Doc: "A provider writes into Settings.StateDir only.",
			Mend: "keep files below StateDir, temporary ones too, and remove them", run: commonWrites},
	}
}

func commonDescribe(t *T) {
	r := t.startRaw()
	first, err := r.describe()
	if err != nil {
		t.Report(Finding{Did: "Describe, before Configure", Got: answer(nil, err)})
		return
	}
	about, err := plugins.Describe(first, plugins.Protocol)
	if err != nil {
		t.Report(Finding{Did: "Describe", Got: answer(nil, err), Mend: "mend what the error says"})
		return
	}
	if about.Kind != t.kind || about.Name != t.name {
		t.Report(Finding{
			Did: "Describe", Got: fmt.Sprintf("it is the %s provider %q, and the file is called %s", about.Kind, about.Name, filepath.Base(t.subject.Binary)),
			Want: "kind and name are those of the file, wright-KIND-NAME.", Mend: "rename the one or the other",
		})
	}
	if about.Version == "" || about.Doc == "" {
		t.Logf("it states version %q and %d bytes of documentation; both are for people and better not empty", about.Version, len(about.Doc))
	}
	if about.Version == "" {
		t.Report(Finding{Did: "Describe", Got: "an empty version", Want: "a version for people and bug reports.", Mend: "set the version"})
	}
	if t.hide.in(first.String()) {
		t.Report(Finding{Did: "Describe", Got: "a secret of the settings is in it", Want: "no secret is ever shown.", Mend: "take it out of the documentation and the defaults"})
	}
	if err := r.configure(t.settings()); err != nil {
		t.Report(Finding{Did: "Configure with the subject's settings", Got: answer(nil, err), Want: "the settings of verify.toml work.", Mend: "mend the [settings], or Configure"})
	}
	second, err := r.describe()
	if err != nil || !proto.Equal(first, second) {
		t.Report(Finding{Did: "Describe again, after Configure", Got: cmp.Or(errText(err), "another answer than before")})
	}
	if err := r.healthy(t.grace()); err != nil {
		t.Report(Finding{Did: "ask the health service (/grpc.health.v1.Health/Check of service \"plugin\")", Got: err.Error(), Want: "SERVING, always.", Mend: "register the gRPC health service"})
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return "error " + errorText(err)
}

func commonSchema(t *T) {
	if t.about == nil {
		t.Fatalf("Describe does not work, see the check %q", "says what it is")
	}
	if t.about.Protocol < 2 {
		t.Skipf("it speaks protocol 1, which has no schemas")
	}
	for _, s := range []struct {
		name   string
		schema plugins.Schema
	}{{"settings", t.about.Settings}, {"config", t.about.Config}} {
		if s.schema == nil {
			t.Logf("no schema of %s: anything goes, so neither manifest check nor an editor can help", s.name)
			continue
		}
		t.schemaOf(s.name, s.schema)
	}
	for where, errs := range map[string][]*plugins.Error{
		"settings": checkTable("settings", t.about.Settings, t.settings()), "config": checkTable("config", t.about.Config, t.subject.Config),
	} {
		for _, e := range errs {
			t.Report(Finding{
				Did: "check the subject's own " + where + " with the schema", Got: e.Error(),
				Want: "the schema takes what the provider takes.", Mend: "mend the schema, or the tables of the subject (verify.toml)",
			})
		}
	}
}

func checkTable(path string, s plugins.Schema, table map[string]any) []*plugins.Error {
	if s == nil {
		return nil
	}
	_, errs := s.Check(path, table)
	return errs
}

func (t *T) schemaOf(path string, s plugins.Schema) {
	for _, f := range s {
		at := path + "." + f.Name
		if strings.TrimSpace(f.Doc) == "" {
			t.Report(Finding{Did: "read the schema", Got: at + " has no documentation", Mend: "set Field.Doc to a sentence"})
		}
		text := f.Type == "" || f.Type == plugins.TypeString
		if text && !f.Secret && len(f.OneOf) == 0 && secretField.MatchString(f.Name) {
			t.Report(Finding{
				Did: "read the schema", Got: at + " is called like a secret and not marked as one",
				Want: "Field.Secret: a string that no log, error or page may show.", Mend: "set Secret: true, or give it another name",
			})
		}
		if f.Secret && f.Default != nil && f.Default != "" {
			t.Report(Finding{Did: "read the schema", Got: at + " is secret and has a default", Mend: "a secret that everybody knows is none: make it required"})
		}
		t.schemaOf(at, f.Fields)
	}
}

// secretField is stricter than secretName: a false alarm here is a nuisance.
var secretField = regexp.MustCompile(`^(.*-)?(password|passphrase|secret|api-key|secret-key|private-key|access-token|api-token|auth-token|token)$`)

func commonConfigure(t *T) {
	r := t.startRaw()
	for i := range 3 {
		if err := r.configure(t.settings()); err != nil {
			t.Report(Finding{Did: fmt.Sprintf("Configure, for time %d, with the same settings", i+1), Got: answer(nil, err)})
			return
		}
		if t.of.ask == nil {
			continue
		}
		if err := t.seen(t.of.ask(t.call(), r.conn)); err != nil {
			t.Report(Finding{Did: fmt.Sprintf("list after Configure was called %d times", i+1), Got: answer(nil, err)})
			return
		}
	}
	t.reconfigure(r)
}

// reconfigure gives other settings to a process that is configured.
func (t *T) reconfigure(r *raw) {
	if len(t.subject.Wrong) == 0 || t.of.ask == nil {
		return
	}
	const want = "What counts is the last Configure: its credentials, and all else that it says."
	const mend = "let every Configure put all that an earlier one made in its place: settings, clients, sessions"
	err := r.configure(over(t.settings(), t.subject.Wrong))
	if err == nil {
		err = t.of.ask(t.call(), r.conn)
	}
	if plugins.CodeOf(t.seen(err)) != plugins.Denied {
		t.Report(Finding{Did: "Configure with the right settings, then with the wrong credentials, then list", Got: answer("no error", err), Want: want, Mend: mend})
	}
	err = r.configure(t.settings())
	if err == nil {
		err = t.of.ask(t.call(), r.conn)
	}
	if t.seen(err) != nil {
		t.Report(Finding{Did: "Configure with wrong credentials, then with the right settings, then list", Got: answer(nil, err), Want: want, Mend: mend})
	}
}

func commonWrongSettings(t *T) {
	r := t.startRaw()
	const unknown = "wright-conformance-unknown"
	t.refusal(r.configure(over(t.settings(), map[string]any{unknown: 1})), "Configure with the unknown key "+unknown, "settings", "")
	if t.about == nil {
		return
	}
	for _, bad := range badValues(t.about.Settings) {
		err := r.configure(over(t.settings(), map[string]any{bad.field: bad.value}))
		t.refusal(err, fmt.Sprintf("Configure with %s = %v, which is %s", bad.field, bad.value, bad.why), "settings", "settings."+bad.field)
	}
}

// refusal wants an invalid error with the path of the field; field may be empty.
func (t *T) refusal(err error, did, table, field string) {
	e, ok := asError(err)
	if !ok || e.Code != plugins.Invalid {
		t.Report(Finding{Did: did, Got: answer("no error", err), Mend: "refuse it with plugins.Invalidf(field, …): a typing error must not be ignored. In Go, set the schema of the plugin"})
		return
	}
	root := e.Field == table || e.Field == "config" || strings.HasPrefix(e.Field, table+".") || strings.HasPrefix(e.Field, "config.")
	if !root || field != "" && !strings.HasPrefix(e.Field, field) {
		t.Report(Finding{
			Did: did, Got: answer(nil, err), Want: fmt.Sprintf("the path of the field in Error.Field, %q.", cmp.Or(field, table+".KEY")),
			Mend: "name the field: the person who must mend it sees a long file",
		})
	}
}

type badValue struct {
	field string
	value any
	why   string
}

// badValues are values that a schema does not take.
func badValues(s plugins.Schema) []badValue {
	var list []badValue
	for _, f := range s {
		switch f.Type {
		case "", plugins.TypeString:
			list = append(list, badValue{f.Name, 7, "a number and no string"})
			if len(f.OneOf) > 0 {
				list = append(list, badValue{f.Name, "wright-conformance", "none of the values there are"})
			}
		case plugins.TypeInteger, plugins.TypeNumber:
			list = append(list, badValue{f.Name, "seven", "a string and no number"})
			if f.Max != nil {
				list = append(list, badValue{f.Name, *f.Max + 1, "above the maximum"})
			}
			if f.Min != nil {
				list = append(list, badValue{f.Name, *f.Min - 1, "below the minimum"})
			}
		case plugins.TypeDuration:
			list = append(list, badValue{f.Name, "soon", "no duration"})
		default:
			list = append(list, badValue{f.Name, "text", "a string and no " + string(f.Type)})
		}
	}
	return list
}

func commonWrongCredentials(t *T) {
	if len(t.subject.Wrong) == 0 || t.of.touch == nil {
		t.Skipf("no wrong credentials are given: add a table [wrong] (Subject.Wrong) if the provider has credentials")
	}
	right := t.subject
	t.subject.Settings = over(right.Settings, right.Wrong)
	t.subject.Limit = min(right.Limit, 45*time.Second)
	defer func() { t.subject = right }()
	start := time.Now()
	did := "list (after Configure), with wrong credentials"
	err := t.seen(t.of.touch(t))
	if plugins.CodeOf(err) != plugins.Denied {
		t.Report(Finding{Did: did, Got: answer("no error", err)})
	} else if took := time.Since(start); took > t.grace() {
		t.Report(Finding{Did: did, Got: fmt.Sprintf("the answer took %v", took.Round(time.Second)), Mend: "do not retry what was denied"})
	}
}

// The ways in which a process is asked to end.
func goodbye(r *raw)   { r.goodbye() }
func hangUp(r *raw)    { _ = r.stdin.Close() }
func terminate(r *raw) { _ = r.cmd.Process.Signal(syscall.SIGTERM) }

func endsBy(end func(*raw), limit time.Duration) func(*T) {
	return func(t *T) {
		r := t.startRaw()
		if err := r.configure(t.settings()); err != nil {
			t.Fatalf("Configure: %s", errorText(err))
		}
		if t.of.ask != nil {
			_ = t.of.ask(t.call(), r.conn)
		}
		end(r)
		if !r.ends(limit + t.grace()) {
			t.Report(Finding{Did: "end the provider", Got: fmt.Sprintf("the process still runs after %v, and %v more for busy machines", limit, t.grace())})
			return
		}
		if !t.eventually(t.grace(), func() bool { return len(processes(r.mark)) == 0 }) {
			for _, pid := range processes(r.mark) {
				t.Report(Finding{Did: "end the provider, which has made nothing", Got: fmt.Sprintf("process %d, started by it, is left: %s", pid, commandOf(pid))})
			}
		}
	}
}

func commonWrites(t *T) {
	r := t.startRaw()
	if err := r.configure(t.settings()); err != nil {
		t.Skipf("Configure fails with another HOME: %v", err)
	}
	if t.of.exercise != nil {
		t.of.exercise(t, r)
	} else if t.of.ask != nil {
		_ = t.of.ask(t.call(), r.conn)
	}
	r.goodbye()
	r.ends(t.grace())
	for name, dir := range map[string]string{"HOME": r.home, "TMPDIR": r.tmp, "the directory in which it was started": r.cmd.Dir} {
		if left := filesBelow(dir); len(left) > 0 {
			t.Report(Finding{Did: "make and delete something, and end the provider", Got: fmt.Sprintf("%s holds %v", name, left[:min(len(left), 5)])})
		}
	}
	t.onlyState()
	_ = os.Remove(r.home)
}
