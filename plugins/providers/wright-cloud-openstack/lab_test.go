package main

import (
	"maps"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/conformance/suite"
	"github.com/wright-build/wright/plugins/lab/labtest"
)

// TestOpenStack runs everything that needs a cloud against one lab.
func TestOpenStack(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes many minutes")
	}
	env := labtest.Env(t, "openstack")
	binary := conformance.Build(t, ".")
	for name, test := range map[string]func(*testing.T, *bench){
		"life": life, "fails": fails, "building": building, "duplicates": duplicates, "storm": storm, "faults": faults,
	} {
		t.Run(name, func(t *testing.T) { test(t, newBench(t, binary, env)) })
	}
	t.Run("conformance", func(t *testing.T) { conform(t, subject(binary, env)) })
}

// conform runs the whole suite. Most checks make one server after the other, for
// which they mostly wait: of these some run at the same time.
func conform(t *testing.T, s conformance.Subject) {
	session, err := suite.Open(t.Context(), s, suite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var waiting []suite.Check
	for _, check := range suite.Checks(plugins.Cloud) {
		if waits.MatchString(check.Name) {
			waiting = append(waiting, check)
		} else {
			verdict(t, session, check)
		}
	}
	const lanes = 4
	free := make(chan struct{}, lanes)
	var all sync.WaitGroup
	for _, check := range waiting {
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			verdict(t, session, check)
		})
	}
	all.Wait()
}

// waits matches the checks that mind nothing which runs beside them.
var waits = regexp.MustCompile(`^(backend|create|delete|deleted|cancel|deadline|kill|unicode|hostile|what an interrupted|a cancelled|the environment|the token|different)\b`)

func verdict(t *testing.T, session *suite.Session, check suite.Check) {
	t.Run(check.Name, func(t *testing.T) {
		result := session.Run(t.Context(), check)
		if len(result.Failures) > 0 {
			t.Log("the provider said:\n" + result.Log)
		}
		for _, failure := range result.Failures {
			t.Error(failure)
		}
		if result.Status == suite.Skipped {
			t.Skip(result.Reason)
		}
	})
}

// credentials are the settings of a lab.
func credentials(env map[string]string) map[string]any {
	return map[string]any{
		"auth-url": env["OS_AUTH_URL"], "username": env["OS_USERNAME"], "password": env["OS_PASSWORD"], "project": env["OS_PROJECT_NAME"],
		"region": env["OS_REGION_NAME"],
	}
}

func subject(binary string, env map[string]string) conformance.Subject {
	config := map[string]any{
		"flavor": map[string]any{"ram": 512}, "image": map[string]any{"os_distro": "debian"}, "networks": []any{"lab"}, "wait-port": 0,
	}
	full := maps.Clone(config)
	full["flavor"] = map[string]any{"ram": 512, "vcpus": 900}
	return conformance.Subject{
		Binary: binary, Settings: credentials(env), Config: config, Endpoint: "auth-url", Many: 25, Limit: 3 * time.Minute,
		Wrong: map[string]any{"password": "wrong"}, FullConfig: map[string]any{"flavor": full["flavor"]},
	}
}
