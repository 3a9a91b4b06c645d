package suite

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// cloudReference builds a reference provider; its file has the right name.
func cloudReference(t *testing.T, name string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "wright-cloud-"+name)
	if out, err := exec.Command("go", "build", "-o", binary, "./testdata/cloud-"+name).CombinedOutput(); err != nil {
		t.Fatalf("build the reference %s: %v\n%s", name, err, out)
	}
	return binary
}

func filesSubject(t *testing.T, binary string) Subject {
	return Subject{
		Binary: binary, Limit: 4 * time.Second, Many: 30,
		Settings: map[string]any{"password": "open sesame"}, Wrong: map[string]any{"password": "open barley"},
		Full: map[string]any{"room": 0}, Probe: `cat "$WRIGHT_APPSERVER_ENV"`,
	}
}

func httpSubject(t *testing.T, binary string) Subject {
	return Subject{
		Binary: binary, Limit: 4 * time.Second, Many: 35, Endpoint: "endpoint",
		Settings: map[string]any{"endpoint": newFarSide(t), "api-key": farKey}, Wrong: map[string]any{"api-key": "the wrong and secret key"},
		Full: map[string]any{"api-key": "full and secret"},
	}
}

// TestCloudReferences has the references without a bug pass every check, and
// each of their bugs caught with a message that says what to mend.
func TestCloudReferences(t *testing.T) {
	for _, r := range []struct {
		name    string
		subject func(*testing.T, string) Subject
		bugs    []bug
	}{{"files", filesSubject, filesBugs()}, {"http", httpSubject, httpBugs()}} {
		t.Run(r.name, func(t *testing.T) {
			binary := cloudReference(t, r.name)
			t.Run("clean", func(t *testing.T) {
				t.Parallel()
				s := r.subject(t, binary)
				s.Limit = time.Minute
				passesAll(t, s)
			})
			for _, b := range r.bugs {
				t.Run(b.name, func(t *testing.T) {
					t.Parallel()
					s := r.subject(t, binary)
					s.Settings = over(s.Settings, map[string]any{"bug": b.name})
					slowly(t, s.Settings, b)
					if strings.HasPrefix(b.name, "no second look") {
						s.Settings["unique"], s.Limit = false, time.Minute
					}
					isCaught(t, s, b)
				})
			}
		})
	}
}

// slowly gives a bug that shows for a moment only a long one, for a machine that is
// busy.
func slowly(t *testing.T, settings map[string]any, b bug) {
	switch {
	case b.name == "delete does not wait":
		settings["endpoint"] = startFarSide(t, &farSide{going: time.Second})
	case b.check == "^many given up at once":
		settings["latency"] = "100ms"
	}
}

// TestCloudBugsAtStart are those that are there before any setting is.
func TestCloudBugsAtStart(t *testing.T) {
	binary := cloudReference(t, "files")
	for _, b := range []bug{
		{"secret not marked", "^states a schema$", `password.*set Secret: true`},
		{"no documentation", "^states a schema$", `config.size has no documentation`},
		{"SIGTERM ignored", "^SIGTERM ends", `still runs after 5s, .*do not ignore SIGTERM`},
		{"unknown keys accepted", "^wrong settings are refused$", `wright-conformance-unknown.*no error`},
		{"unknown keys accepted", "^wrong configuration is refused$", `wright-conformance-unknown.*no error`},
		{"prints before the handshake", "^says what it is$", `"starting".*print nothing else`},
	} {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			s := filesSubject(t, filepath.Join(t.TempDir(), filepath.Base(binary)))
			if err := os.Link(binary, s.Binary); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(s.Binary+".bug", []byte(b.name), 0o600); err != nil {
				t.Fatal(err)
			}
			isCaught(t, s, b)
		})
	}
}

// TestCloudWithTwins has a backend that keeps no token unique.
func TestCloudWithTwins(t *testing.T) {
	s := httpSubject(t, cloudReference(t, "http"))
	s.Limit = time.Minute
	s.Settings["unique"] = false
	passes(t, s, "^backend: requests that|^backend: errors after|^create at the same time")
}

// TestCloudWithPortsOfItsOwn has a provider that learns the port of a server when
// it runs, as one that starts processes does.
func TestCloudWithPortsOfItsOwn(t *testing.T) {
	s := filesSubject(t, cloudReference(t, "files"))
	s.Limit = time.Minute
	s.Settings["bug"], s.Config = "ports of its own", map[string]any{"port": 80} // the key is not heeded
	passes(t, s, "^defaults|^cancel at every point of create|^create again")
}

// TestThrottledCloud has a far side that throttles now and then, which is not the
// provider's fault.
func TestThrottledCloud(t *testing.T) {
	s := httpSubject(t, cloudReference(t, "http"))
	s.Limit = time.Minute
	s.Settings["endpoint"] = startFarSide(t, &farSide{every: 20, going: usualGoing})
	passes(t, s, "^create again|^deleted is gone$|^list selects")
}

// TestSlowCloud has a reference whose creates take most of a second.
func TestSlowCloud(t *testing.T) {
	binary := cloudReference(t, "files")
	slow := func(t *testing.T, bug string) Subject {
		s := filesSubject(t, binary)
		s.Settings = over(s.Settings, map[string]any{"latency": "400ms", "bug": bug})
		s.Limit = 20 * time.Second
		return s
	}
	const interrupted = "every point of create|stops|interrupted create"
	t.Run("clean", func(t *testing.T) {
		t.Parallel()
		report, err := Run(t.Context(), slow(t, ""), Options{Only: interrupted})
		if err != nil || !report.Passed() {
			t.Errorf("%v: %+v", err, report)
		}
		t.Log(report.Took)
	})
	for _, b := range []bug{
		{"cancel ignored", "^a cancelled create stops$", `now there is a server.*give the context`},
		{"descriptors leak when it fails", "^nothing grows", `calls that fail in between.*open files`},
	} {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			s := slow(t, b.name)
			if b.check == "^nothing grows" {
				s.Settings["latency"] = "30ms" // so that a call can be given up, and there are many of them
			}
			isCaught(t, s, b)
		})
	}
}

func filesBugs() []bug {
	return []bug{
		{"double create", "^create again", `first:.*then:.*look for a server with this token`},
		{"double create at once", "^create at the same time", `16 times at once.*a lock per token`},
		{"double create of two processes", "^create from two processes", `16 times at once.*lock a file`},
		{"repeated create fails", "^create again", `"exists"`},
		{"token ignored", "^the token alone|^different tokens|^create gives", `its token|for "|by its token`},
		{"token cut", "hostile tokens", `which differ.*compare whole tokens`},
		{"token lowercased", "hostile tokens", `which differ.*compare whole tokens`},
		{"token as a path", "hostile tokens", `never build a path`},
		{"memory only", "^servers survive", `keep nothing in memory only`},
		{"half-made not listed", "^cancel at every point of create$", `Get does|held \d+ files|first:`},
		{"artifact first", "interrupted create left", `its directory held.*written down|write down what is being made`},
		{"leak on cancel", "interrupted create left|^cancel at every point of create", `its directory held.*write down what is being made`},
		{"cancel removes the record only", "interrupted create left", `its directory held.*write down`},
		{"half-written files", "come and go", `List.*error`},
		{"first page only", "^list gives all of many$", `30 servers.*is not listed.*every page`},
		{"page twice", "^list gives all of many$", `is there twice.*page`},
		{"page skipped", "^list gives all of many$", `is not listed.*every page`},
		{"border twice", "^list gives all of many$", `is there twice.*page`},
		{"border skipped", "^list gives all of many$", `is not listed.*every page`},
		{"list ignores tags", "^list selects", `select by tag`},
		{"list by the installation only", "^list selects", `select by tag`},
		{"list by any tag", "^list selects", `select by tag`},
		{"list by names of tags", "^list selects", `select by tag`},
		{"list without case", "^list selects", `select by tag`},
		{"list finds nothing without tags of its own", "^list selects", `exactly; all must match`},
		{"list fails on what vanishes", "come and go", `List.*error.*vanishes|List.*error`},
		{"deleting not listed", "^kill at every point of delete|^cancel at every point of delete", `List does not give it, and Get does`},
		{"delete does nothing", "^deleted is gone", `listed are.*wait in Delete`},
		{"delete hides", "^deleted is gone", `the deleted server is back.*wait in Delete`},
		{"delete later", "^deleted is gone", `listed are.*wait in Delete`},
		{"delete takes the like", "^different tokens", `with the same name.*delete by token`},
		{"delete of the half-made fails", "interrupted create left|^delete while", `finished or not`},
		{"delete forgets the disk", "left behind", `held \d+ files.*remove the files`},
		{"delete of the missing fails", "^delete of the missing", `not-found.*no error`},
		{"repeated delete without a code", "^delete of the missing", `without a code`},
		{"get of the missing gives an empty server", "^get of the missing", `plugins.NotFound, no empty server`},
		{"get of the missing without a code", "^get of the missing", `without a code.*plugins.NotFound`},
		{"get of the missing is invalid", "^get of the missing", `invalid.*plugins.NotFound`},
		{"name mangled", "^create gives", `the name .*Server.Name is Spec.Name`},
		{"name cut", "hostile names", `keeps them exactly or refuses`},
		{"name trimmed", "hostile names", `keeps them exactly or refuses`},
		{"tags lowercased", "^create gives", `store tags as they are`},
		{"tags cut", "^create gives", `store tags as they are`},
		{"tags dropped", "^create gives", `store tags as they are`},
		{"empty tags dropped", "^create gives", `store tags as they are`},
		{"no time", "^create gives", `created_at is 0001.*keep the time`},
		{"time of the call", "^create gives", `first:.*then:.*store them with the server`},
		{"address of the call", "^create gives", `first:.*then:.*store them with the server`},
		{"address shared", "^different tokens", `both have 10.0.0.1`},
		{"no address", "^create gives", `no address`},
		{"running too early", "^create gives", `running.*starting.*say running only when it is`},
		{"state unknown", "^create gives", `ACTIVE`},
		{"variables without prefix", "^create gives", `ENV_FILE.*give it that prefix`},
		{"refuses without a field", "hostile names", `with no path of the field.*name the field`},
		{"panics on unicode", "hostile names", `Create with the name.*did not answer|Create with the name.*transient`},
		{"calls mixed up", "^different tokens|hostile names|list by|come and go|list selects|list gives|defaults", `never|tags|name`},
		{"calls deadlock", "^different tokens", `deadline|DeadlineExceeded`},
		{"descriptors leak", "^nothing grows", `open files`},
		{"memory grows", "^nothing grows", `MiB after .*forget what a call was about`},
		{"threads leak", "^nothing grows", `threads after .*every thread that a call starts`},
		{"journal kept", "left behind", `bytes more than after the first.*part of a larger file`},
		{"wrong credentials accepted", "^wrong credentials", `no error.*plugins.Denied`},
		{"wrong credentials without a code", "^wrong credentials", `plugins.Denied`},
		{"wrong credentials hang", "^wrong credentials", `plugins.Denied`},
		{"secret in error", "^wrong credentials", `\[secret\].*not its value`},
		{"secret in log", "^list of nothing", `\[secret\].*do not log settings`},
		{"secret in progress", "^create gives", `told as progress.*\[secret\]`},
		{"secret in a URL", "^wrong credentials", `files:\[secret\].*not its value`},
		{"secret in a header", "^list of nothing", `Basic .*\[secret\].*do not log settings`},
		{"environment in log", "^create gives", `\[secret\].*do not log settings`},
		{"environment readable", "^the environment stays secret", `others can read.*0600`},
		{"environment in arguments", "^the environment stays secret", `\[secret\].*never as arguments`},
		{"context of the first", "^who gives up stops nobody else", `the other came back with error.*the context of the first`},
		{"failure remembered", "^quota", `then the same token where there is.*remember no failure`},
		{"tags as one text", "^list selects", `map\[a:b=c.*select by tag`},
		{"room before the token", "^quota", `then once more where there is no room.*"quota".*before you ask whether there is room`},
		{"port of the call", "^the token alone decides", `and configuration map.*port:4711.*port 80.*port 4711.*by its token`},
		{"variables of the call", "^create again", `WRIGHT_APPSERVER_LOG is another than Create gave first.*in one place`},
		{"get without variables", "^create gives", `then Get.*WRIGHT_APPSERVER_ENV is another.*in one place`},
		{"environment trimmed", "^the environment is handed on", `no SPACES with this very value.*byte for byte`},
		{"environment dropped", "^the environment", `byte for byte`},
		{"others unseen", "^create from two processes", `two processes in turn.*keep nothing in memory of what another process may change`},
		{"made for nobody", "^many given up at once", `as soon as its Create came back.*it is there.*context once more`},
		{"failures kept", "^many given up at once", `once more, alone.*remember no error`},
		{"delete leaves its note", "^deleted is gone", `no address, like a note.*remove the provider's own note`},
		{"quota as transient", "^quota", `plugins.Quota`},
		{"quota without a code", "^quota", `plugins.Quota`},
		{"quota leaves half", "^quota", `no room, then List`},
		{"default ignored", "^defaults", `the ports 8080 and 80|the schema's default`},
		{"configure once", "^configure again", `for time 2`},
		{"child left behind", "goodbye", `is left: sleep`},
		{"writes to HOME", "^writes nowhere", `HOME holds`},
		{"writes to TMPDIR", "^writes nowhere", `TMPDIR holds`},
		{"returns while it starts", "^create gives", `first the state "starting", and a moment later.*only then answer`},
		{"second life like the first", "^deleted is gone", `gives the name.*its token may come again`},
		{"names kept", "^nothing grows", `the provider's directory.*never cut`},
		{"token trimmed", "hostile tokens", `which differ.*compare whole tokens`},
		{"wright- tags dropped", "hostile tags", `wright-token.*keeps them exactly or refuses`},
		{"tags that differ in case are one", "hostile tags", `Plain=y.*keeps them exactly or refuses`},
		{"installation by its beginning", "^list selects", `select by tag|exactly; all must match`},
		{"installation without case", "^list selects", `select by tag|exactly; all must match`},
		{"environment too big", "hostile environments", `600,000 bytes.*without a code.*refused as invalid`},
		{"environment cut", "^the environment is handed on", `LONG of 200000 bytes.*byte for byte`},
		{"SIGTERM ends the servers", "^servers survive", `by SIGTERM, start it again, List.*no clean-up in a signal handler`},
		{"console declared and missing", "^capabilities", `declared`},
		{"console of the missing", "^capabilities", `never made`},
	}
}

func httpBugs() []bug {
	return []bug{
		{"first page only", "^list gives all of many$", `is not listed.*every page`},
		{"page twice", "^list gives all of many$", `is there twice.*page`},
		{"page skipped", "^list gives all of many$", `is not listed.*every page`},
		{"last page missed", "^list gives all of many$", `is not listed.*every page`},
		{"pages end at an error", "^list gives all of many$", `is not listed.*every page`},
		{"pages read once", "^list gives all of many$", `are deleted.*two readings agree`},
		{"never looks", "^create again", `first:.*then:|twice`},
		{"repeats the post", "after the request was carried out", `twice|first:|nobody asked to remove it`},
		{"tags afterwards", "interrupted create left|after the request", `nobody asked to remove it`},
		{"no notes", "interrupted create left|after the request", `nobody asked to remove it`},
		{"notes of its own", "interrupted create left|after the request", `nobody asked to remove it|there is still a server`},
		{"requests without the context", "backend: hanging", `still wait for the backend`},
		{"status is not checked", "backend: down for good", `got: +a list.*check the status`},
		{"answers are not checked", "backend: down for good", `got: +a list.*parse the whole answer`},
		{"500 is invalid", "backend: errors before", `invalid.*plugins.Transient`},
		{"lost connections without a code", "backend: errors before", `without a code.*plugins.Transient`},
		{"asks at the start", "^backend: down at the start", `it hangs; it was given up.*timeout of some seconds`},
		{"any 404 is gone", "^backend: a gateway", `404 of a gateway.*not-found.*in its own words`},
		{"throttling as quota", "backend: throttling", `quota.*plugins.RetryAfter`},
		{"Retry-After in milliseconds", "backend: throttling", `retry after 2ms.*Error.RetryAfter`},
		{"Retry-After ignored", "backend: throttling", `Error.RetryAfter`},
		{"Retry-After cut", "backend: throttling", `Retry-After: 120.*retry after 10s.*Error.RetryAfter`},
		{"an error ends the pages", "^list gives all of many$", `a list of 10, and no error.*any page`},
		{"installation ignored", "^another installation", `configured for another installation.*Settings.Installation and the token`},
		{"{} is an empty list", "^backend: down for good", `200 with \{\}.*look whether it has the field`},
		{"gives up after 10 s only", "^backend: hanging", `still wait for the backend 8s after.*give the call's context`},
		{"no second look, and both are listed", "^backend: requests that are carried out late", `carried out 1.5 s later.*then List.*2 servers.*the older one counts`},
		{"no second look, and the newest counts", "^backend: requests that are carried out late", `carried out 1.5 s later.*the older one counts`},
		{"no second look, and Delete takes the first", "^backend: requests that are carried out late", `carried out 1.5 s later.*then Delete.*Delete removes all of them`},
		{"gives up waiting", "^backend: down in the midst", `from request 4 on \(no error\), and wait.*first the state "starting".*can be provisioned`},
		{"a tag takes the token's place", "hostile tags", `the tag "wright-token"=evil.*keeps them exactly or refuses`},
		{"list: an error is an empty list", "backend: errors before", `a list without the server`},
		{"get: any error is not-found", "backend: errors before", `not-found`},
		{"delete: any error is success", "backend: errors before", `said that all is well`},
		{"delete does not wait", "^deleted is gone", `listed are.*wait in Delete`},
		{"disks never removed", "left behind", `6 are still there.*POST /v1/disks made.*remove with a thing all that was made for it`},
		{"denied without a code", "^wrong credentials", `plugins.Denied`},
		{"denied with the key in the text", "^wrong credentials", `\[secret\].*not its value`},
		{"retries what was denied", "^wrong credentials", `plugins.Denied`},
		{"quota as denied", "^quota", `plugins.Quota`},
	}
}

// TestMessagesNameTheContract holds the words of the contract that the checks
// quote against the interface that says them.
func TestMessagesNameTheContract(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "cloud", "cloud.go"))
	if err != nil {
		t.Fatal(err)
	}
	source := regexp.MustCompile(`\s*\n\s*// `).ReplaceAllString(string(b), " ")
	for _, words := range []string{cloudCreate, cloudHalf, cloudGet, cloudList, cloudDelete, cloudNone} {
		if !regexp.MustCompile(regexp.QuoteMeta(words)).MatchString(source) {
			t.Errorf("the interface does not say %q", words)
		}
	}
}
