package suite

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

func cloudConfigChecks(check cloudCheck) []Check {
	return []Check{
		check("wrong configuration is refused", "An unknown key of Spec.Config and a value of the wrong type are invalid, with the path of the field (config.KEY), and nothing is made.",
			"check Spec.Config with the schema; package plugins does it for Go when Plugin.Config is set", cloudWrongConfig),
		check("defaults are effective", "A missing key has the default that the schema states.", "use the table that the provider is called with, not a default of your own", cloudDefaults),
		check("quota", "Without room, Create fails with the code quota and leaves nothing.", "map the backend's answer to plugins.Quota, and remove what was made so far", cloudQuota),
		check("capabilities are as declared", "Optional powers are declared in Describe; what is not declared is unsupported.",
			"declare the capability \"console\" and answer GetConsole, or neither", cloudCapabilities),
		check("the environment is handed on", "Spec.Env is the environment of what runs on the server, unchanged.", "give the environment to what runs on the server, byte for byte", cloudEnv),
		check("the environment stays secret", "No environment of a server in logs, errors, process lists, or files others can read.", "make files with secrets with the mode 0600; hand secrets on in the environment, through a pipe or in a file, never as arguments", cloudDiscreet),
	}
}

func cloudWrongConfig(b *cloudBench) {
	_, p := b.start()
	const unknown = "wright-conformance-unknown"
	b.refuses(p, "unknown", unknown, 1, "an unknown key", false)
	if b.about == nil {
		return
	}
	for i, bad := range badValues(b.about.Config) {
		b.refuses(p, fmt.Sprintf("bad-%d", i), bad.field, bad.value, bad.why, true)
	}
	b.expect(p, Finding{Did: "Create with wrong configurations, then List"})
}

func (b *cloudBench) refuses(p cloud.Provider, word, field string, value any, why string, exact bool) {
	s := b.spec(word)
	s.Config = over(b.subject.Config, map[string]any{field: value})
	_, err := p.Create(b.call(), s)
	if exact {
		field = "config." + field
	} else {
		field = ""
	}
	b.refusal(b.seen(err), fmt.Sprintf("Create with config %v, which is %s", s.Config, why), "config", field)
	if err == nil {
		b.delete(p, s.Token)
	}
}

// cloudDefaults makes one server without and one with the defaults written out.
func cloudDefaults(b *cloudBench) {
	if b.about == nil || len(b.about.Config) == 0 {
		b.Skipf("the schema states no keys")
	}
	_, p := b.start()
	bare, full, stated := b.spec("bare"), b.spec("full"), false
	bare.Config, full.Config = maps.Clone(b.subject.Config), maps.Clone(b.subject.Config)
	for _, f := range b.about.Config {
		if f.Default == nil {
			continue
		}
		stated = true
		full.Config = over(full.Config, map[string]any{f.Name: f.Default})
		delete(bare.Config, f.Name)
	}
	if !stated {
		b.Skipf("the schema states no defaults")
	}
	one, other := b.create(p, bare), b.create(p, full)
	if one.Port != other.Port && one.Port == b.like(p, bare, "bare-again").Port {
		b.Report(Finding{Did: fmt.Sprintf("Create without defaults, and with them written out: %v", full.Config), Got: fmt.Sprintf("the ports %d and %d", one.Port, other.Port)})
	}
	if a, c := sortedKeys(one.Variables), sortedKeys(other.Variables); fmt.Sprint(a) != fmt.Sprint(c) {
		b.Report(Finding{Did: fmt.Sprintf("Create without defaults, and with them written out: %v", full.Config), Got: fmt.Sprintf("the variables %v and %v", a, c)})
	}
	for _, f := range b.about.Config {
		if f.Name == "port" && f.Default != nil && b.subject.Config["port"] == nil && fmt.Sprint(f.Default) != fmt.Sprint(one.Port) {
			b.Report(Finding{Did: "Create without the key port", Got: fmt.Sprintf("port %d, and the schema's default is %v", one.Port, f.Default)})
		}
	}
}

// like makes a second server of the same wishes: where its port is another one,
// ports are the provider's to choose.
func (b *cloudBench) like(p cloud.Provider, s cloud.Spec, word string) cloud.Server {
	again := b.spec(word)
	again.Config = s.Config
	return b.create(p, again)
}

func cloudQuota(b *cloudBench) {
	if len(b.subject.Full) == 0 && len(b.subject.FullConfig) == 0 {
		b.Skipf("nothing is given with which the quota is exceeded: add a table [full] (settings) or [full-config] to verify.toml (Subject.Full, Subject.FullConfig)")
	}
	_, p := b.start()
	there := b.create(p, b.spec("there"))
	_, p = b.startWith(over(b.settings(), b.subject.Full))
	s := b.spec("quota")
	s.Config = over(b.subject.Config, b.subject.FullConfig)
	start := time.Now()
	made, err := p.Create(b.within(min(b.subject.Limit, 45*time.Second)), s)
	if plugins.CodeOf(b.seen(err)) != plugins.Quota {
		b.Report(Finding{Did: "Create where there is no room", Got: answer(made, err)})
	} else if took := time.Since(start); took > b.grace() {
		b.Report(Finding{Did: "Create where there is no room", Got: fmt.Sprintf("the answer took %v", took.Round(time.Second)), Mend: "do not retry: a person must make room"})
	}
	b.thereWhereFull(p, there)
	_, p = b.start()
	b.expect(p, Finding{Did: "Create where there is no room, then List"}, there.Token)
	s.Config = b.subject.Config
	if _, err := p.Create(b.call(), s); b.seen(err) != nil {
		b.Report(Finding{Did: "Create where there is no room, then the same token where there is", Got: answer(nil, err), Want: cloudCreate, Mend: "remember no failure: the same call may work when a person has made room"})
	}
}

// otherConfig has other values for keys of which the schema says what they may be.
func (b *cloudBench) otherConfig() map[string]any {
	other := map[string]any{}
	if b.about == nil {
		return other
	}
	for _, f := range b.about.Config {
		is := fmt.Sprint(cmp.Or(b.subject.Config[f.Name], f.Default))
		for _, v := range f.OneOf {
			if v != is {
				other[f.Name] = v
			}
		}
		if f.Name == "port" && f.Type == plugins.TypeInteger && is != "4711" {
			other[f.Name] = 4711
		}
	}
	return other
}

// thereWhereFull repeats the Create of a server that was there before there was no
// room. It is elsewhere where a full quota is that of another account.
func (b *cloudBench) thereWhereFull(p cloud.Provider, there cloud.Server) {
	if _, listed := b.own(p)[there.Token]; !listed {
		return
	}
	s := b.spec("there")
	s.Config = over(b.subject.Config, b.subject.FullConfig)
	did := fmt.Sprintf("Create with token %q, then once more where there is no room", s.Token)
	again, err := p.Create(b.call(), s)
	if b.seen(err) != nil {
		b.Report(Finding{Did: did, Got: answer(nil, err), Want: cloudCreate, Mend: thereMend})
	} else if !same(there, *again) {
		b.Report(Finding{Did: did, Got: "first: " + about(there) + "\nthen:  " + about(*again), Want: cloudCreate, Mend: thereMend})
	}
}

func cloudCapabilities(b *cloudBench) {
	if b.about == nil {
		b.Fatalf("Describe does not work, see the check %q", "says what it is")
	}
	_, p := b.start()
	s := b.spec("console")
	b.create(p, s)
	consoler := p.(cloud.Consoler)
	output, err := consoler.Console(b.call(), s.Token)
	_, missing := consoler.Console(b.call(), b.token("never-made"))
	switch {
	case !b.about.Has(cloud.Console):
		if plugins.CodeOf(err) != plugins.Unsupported {
			b.Report(Finding{Did: "GetConsole, which is not declared as a capability", Got: answer("output", err)})
		}
	case b.seen(err) != nil:
		b.Report(Finding{Did: "GetConsole, which is declared as a capability", Got: answer(nil, err)})
	case len(output) > cloud.MaxConsole:
		b.Report(Finding{Did: "GetConsole", Got: fmt.Sprintf("%d bytes", len(output)), Want: fmt.Sprintf("At most %d bytes.", cloud.MaxConsole)})
	case plugins.CodeOf(missing) != plugins.NotFound:
		b.Report(Finding{Did: "GetConsole of a server that was never made", Got: answer("output", missing), Want: "plugins.NotFound when there is no such server."})
	}
	for _, c := range b.about.Capabilities {
		if c != cloud.Console && c != plugins.ThisHost {
			b.Logf("the capability %q is none that this suite knows", c)
		}
	}
}

func cloudEnv(b *cloudBench) {
	if b.subject.Probe == "" {
		b.Skipf("the suite cannot look into the servers: give a command as probe in verify.toml (Subject.Probe) that prints the environment of a server, such as: ssh root@$WRIGHT_APPSERVER_ADDRESS cat /etc/environment")
	}
	_, p := b.start()
	s := b.spec("env")
	s.Env["SPACES"] = " a  b "
	long := b.payload(p, 200_000) // empty if it takes none so long
	s.Env["LONG"] = long
	made := b.create(p, s)
	var out []byte
	var err error
	found := func() bool {
		cmd := exec.CommandContext(b.within(b.grace()), "sh", "-c", b.subject.Probe)
		cmd.Env = os.Environ()
		for k, v := range made.Variables {
			cmd.Env = append(cmd.Env, k+"="+v)
		}
		cmd.Env = append(cmd.Env, "WRIGHT_APPSERVER_ADDRESS="+made.Address)
		out, err = cmd.CombinedOutput()
		return err == nil && missingIn(string(out), s.Env) == ""
	}
	if !b.eventually(min(b.subject.Limit, b.grace()), found) {
		b.Report(Finding{
			Did: fmt.Sprintf("Create with the environment CONFORMANCE=…, SPACES=%q, LONG of %d bytes, then run the probe %q", s.Env["SPACES"], len(long), b.subject.Probe),
			Got: fmt.Sprintf("no %s with this very value (the probe: %v, %d bytes): %.300s", missingIn(string(out), s.Env), err, len(out), strings.ReplaceAll(string(out), b.envSecret(), "…")),
		})
	}
}

// missingIn names the first variable whose value is not in a text.
func missingIn(text string, env map[string]string) string {
	for _, k := range sortedKeys(env) {
		if !strings.Contains(text, env[k]) {
			return k
		}
	}
	return ""
}
