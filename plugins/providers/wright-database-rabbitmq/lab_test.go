package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	rabbithole "github.com/michaelklishin/rabbit-hole/v2"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/database/databasetest"
	"github.com/wright-build/wright/plugins/lab/labtest"
)

// far is the server as a person sees it.
type far struct {
	*rabbithole.Client
	env map[string]string
}

const administrator = "s3cret-of-the-administrator"

// startFar starts a server whose administrator has a password that can be found
// in a text.
func startFar(t *testing.T) far {
	env := labtest.Start(t, "rabbitmq").Env
	api, err := rabbithole.NewClient(env["RABBITMQ_API"], env["RABBITMQ_USER"], env["RABBITMQ_PASSWORD"])
	if err != nil {
		t.Fatal(err)
	}
	_, err = api.PutUser("wright", rabbithole.UserSettings{Name: "wright", Password: administrator, Tags: rabbithole.UserTags{"administrator"}})
	if err != nil {
		t.Fatal(err)
	}
	env["RABBITMQ_USER"], env["RABBITMQ_PASSWORD"] = "wright", administrator
	return far{api, env}
}

// content is everything that the server has.
func (f far) content(t testing.TB) []string {
	var list []string
	add := func(kind string, things any, err error) {
		if err != nil {
			t.Fatal(err)
		}
		text, _ := json.Marshal(things)
		var all []map[string]any
		if err := json.Unmarshal(text, &all); err != nil {
			t.Fatal(err)
		}
		for _, a := range all {
			list = append(list, fmt.Sprint(kind, " ", a["name"], a["user"], " ", a["vhost"]))
		}
	}
	vhosts, err := f.ListVhosts()
	add("vhost", vhosts, err)
	users, err := f.ListUsers()
	add("user", users, err)
	permissions, err := f.ListPermissions()
	add("permission", permissions, err)
	parameters, err := f.ListGlobalParameters()
	add("parameter", parameters, err)
	return list
}

func (f far) subject(t *testing.T, api string) databasetest.Subject {
	settings := settingsOf(f.env)
	settings["endpoint"] = api
	return databasetest.Subject{
		Dir: filepath.Dir(conformance.Build(t, ".")), Name: "rabbitmq", Settings: settings,
		Secrets: []string{administrator, "stored-"}, Content: f.content, Work: work,
	}
}

func TestLab(t *testing.T) {
	f := startFar(t)
	s := f.subject(t, f.env["RABBITMQ_API"])
	t.Run("rights", func(t *testing.T) { rights(t, f, s.Agent(t)) })
	t.Run("a person's", func(t *testing.T) { persons(t, f, s.Agent(t)) })
	t.Run("a user that came late", func(t *testing.T) { late(t, f, s.Agent(t)) })
	t.Run("killed", func(t *testing.T) { databasetest.Storm(t, s) })
	t.Run("a bad way", func(t *testing.T) { badWay(t, f) })
}

func create(t *testing.T, p database.Provider, s database.Spec) *url.URL {
	t.Helper()
	made, err := p.Create(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(made.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// rights logs in as the new user, and tries what it must not.
func rights(t *testing.T, f far, a databasetest.Agent) {
	one, two := create(t, a, databasetest.Spec("one")), create(t, a, databasetest.Spec("two"))
	if err := work(one.String()); err != nil {
		t.Errorf("work: %v", err)
	}
	user, password := one.User.Username(), databasetest.Spec("one").Password
	for name, try := range map[string]func() error{
		"another's virtual host": func() error { return queue(two.Host, user, password, two.Path[1:]) },
		"that of the server":     func() error { return queue(two.Host, user, password, "/") },
		"a wrong password":       func() error { return queue(one.Host, user, password+"x", one.Path[1:]) },
		"no password":            func() error { return queue(one.Host, user, "", one.Path[1:]) },
		"the management API": func() error {
			api, err := rabbithole.NewClient(f.env["RABBITMQ_API"], user, password)
			if err == nil {
				_, err = api.ListVhosts()
			}
			return err
		},
	} {
		if err := try(); err == nil {
			t.Errorf("the user gets through to %s", name)
		}
	}
	for _, token := range []string{"one", "two"} {
		if err := a.Delete(t.Context(), token); err != nil {
			t.Error(err)
		}
	}
	if err := work(one.String()); err == nil {
		t.Error("the user works with a database that is deleted")
	}
}

// persons wants a virtual host that a person has made under a name of ours to stay
// as it is.
func persons(t *testing.T, f far, a databasetest.Agent) {
	name := create(t, a, databasetest.Spec("taken")).User.Username()
	if err := a.Delete(t.Context(), "taken"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.PutVhost(name, rabbithole.VhostSettings{Description: "a person's"}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Create(t.Context(), databasetest.Spec("taken")); plugins.CodeOf(err) != plugins.Exists {
		t.Errorf("create: %v", err)
	}
	if err := a.Delete(t.Context(), "taken"); err != nil {
		t.Errorf("delete: %v", err)
	}
	if v, err := f.GetVhost(name); err != nil || v.Description != "a person's" {
		t.Errorf("it is now %+v, %v", v, err)
	}
	if _, err := f.DeleteVhost(name); err != nil {
		t.Fatal(err)
	}
}

// late makes a user whose virtual host is gone, as a request does that was on its
// way for long. The list removes it, and no other.
func late(t *testing.T, f far, a databasetest.Agent) {
	tags := map[string]string{"w_late": tagOf("tests"), "w_other": tagOf("another"), "w_person": "monitoring"}
	for name, tag := range tags {
		if _, err := f.PutUser(name, rabbithole.UserSettings{Name: name, Password: "x", Tags: rabbithole.UserTags{tag}}); err != nil {
			t.Fatal(err)
		}
	}
	kept := create(t, a, databasetest.Spec("kept"))
	if _, err := a.List(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	users, err := f.ListUsers()
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, u := range users {
		there[u.Name] = true
	}
	if there["w_late"] || !there["w_other"] || !there["w_person"] || !there[kept.User.Username()] {
		t.Errorf("left are %v", users)
	}
	for name := range tags {
		if _, err := f.DeleteUser(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Delete(t.Context(), "kept"); err != nil {
		t.Error(err)
	}
}

// badWay has a proxy before the API that fails at every fourth request.
func badWay(t *testing.T, f far) {
	many, seed := 3, rand.Uint64()
	if os.Getenv("WRIGHT_TEST_HEAVY") != "" {
		many = 40
	}
	t.Logf("seed %d", seed)
	way := newWay(t, f.env["RABBITMQ_API"], seed)
	databasetest.Hard(t, f.subject(t, way.url), many, way.settle)
	t.Logf("what requests met: %v", way.met())
}

// The answers of the far side are not believed blindly.
func TestEntries(t *testing.T) {
	vhosts := []rabbithole.VhostInfo{
		{Name: "/", Description: "Default virtual host"}, {Name: "w_a", Description: `{"wright":"i","token":"t","name":"shop"}`},
		{Name: "w_b", Description: `{"wright":"i","token":"t","name":"shop","persistent":true,"of":"w_a"}`}, {Name: "w_c", Description: "{}"},
	}
	var of any
	if err := json.Unmarshal([]byte(`{"wright":"i","token":"t","name":"shop","persistent":true,"of":"w_p"}`), &of); err != nil {
		t.Fatal(err)
	}
	parameters := []rabbithole.GlobalRuntimeParameter{{Name: "cluster_name", Value: "rabbit"}, {Name: "x", Value: nil}, {Name: "w_u", Value: of}}
	var got []string
	for _, e := range entries(vhosts, parameters) {
		got = append(got, fmt.Sprint(e.Key.Name, e.Key.Use))
	}
	if want := []string{"w_afalse", "w_utrue"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestSettings(t *testing.T) {
	server := func(more map[string]any) map[string]any {
		s := map[string]any{"name": "a", "address": "rabbit.example.test", "user": "u", "password": "s3cret"}
		for k, v := range more {
			s[k] = v
		}
		return map[string]any{"servers": []any{s}}
	}
	tests := []struct {
		name     string
		settings map[string]any
		api, url string // or an invalid field
	}{
		{"TLS", server(nil), "https://rabbit.example.test:15671", "amqps://x@rabbit.example.test:5671/x"},
		{"without", server(map[string]any{"tls": "off"}), "http://rabbit.example.test:15672", "amqp://x@rabbit.example.test:5672/x"},
		{"elsewhere", server(map[string]any{"api": "https://api.example.test/base/", "client-address": "mq:1"}), "https://api.example.test/base", "amqps://x@mq:1/x"},
		{"no URL", server(map[string]any{"api": "api.example.test"}), "", "settings.servers[1].api"},
		{"a user in it", server(map[string]any{"api": "https://u:s3cret@api.example.test"}), "", "settings.servers[1].api"},
		{"no such file", server(map[string]any{"ca-file": "/none"}), "", "settings.servers[1].ca-file"},
	}
	for _, tt := range tests {
		var o options
		if err := plugins.ReadConfig(tt.settings, &o); err != nil {
			t.Fatal(err)
		}
		list, err := o.check()
		if err != nil {
			t.Fatal(err)
		}
		s, err := list[0].open("settings.servers[1]", "i")
		if err != nil {
			if !strings.HasPrefix(err.Error(), tt.url+": ") || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		at := s.Reach("x")
		if got := s.Backend.(*backend).endpoint; got != tt.api || at.URL.String() != tt.url {
			t.Errorf("%s: %s, %s", tt.name, got, at.URL.String())
		}
	}
}
