package main

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/database/databasetest"
	"github.com/wright-build/wright/plugins/lab/labtest"
)

const administrator = "s3cret-of-the-administrator"

// far is the server as a person sees it.
type far struct{ *redis.Client }

// content is everything that the server has.
func (f far) content(t testing.TB) []string {
	users, err := f.Do(t.Context(), "ACL", "USERS").StringSlice()
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, u := range users {
		list = append(list, "user "+u)
	}
	for db := range 16 {
		o := *f.Options()
		o.DB = db
		one := redis.NewClient(&o)
		keys, err := one.Keys(t.Context(), "*").Result()
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range keys {
			list = append(list, fmt.Sprintf("key %d %s", db, k))
		}
		one.Close()
	}
	return list
}

func TestLab(t *testing.T) {
	lab := labtest.Start(t, "redis")
	f := far{redis.NewClient(&redis.Options{Addr: lab.Env["REDIS_ADDRESS"], Username: lab.Env["REDIS_USER"], Password: lab.Env["REDIS_PASSWORD"]})}
	defer f.Close()
	if err := f.Do(t.Context(), "ACL", "SETUSER", "wright", "on", ">"+administrator, "~*", "&*", "+@all").Err(); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"REDIS_ADDRESS": lab.Env["REDIS_ADDRESS"], "REDIS_USER": "wright", "REDIS_PASSWORD": administrator}
	s := databasetest.Subject{
		Dir: filepath.Dir(conformance.Build(t, ".")), Name: "redis", Settings: settingsOf(env),
		Secrets: []string{administrator, "stored-"}, Content: f.content, Work: work,
	}
	t.Run("rights", func(t *testing.T) { rights(t, f, s.Agent(t)) })
	t.Run("kept over a restart", func(t *testing.T) { saved(t, f, s.Agent(t), filepath.Join(lab.Dir, "users.acl")) })
	t.Run("killed", func(t *testing.T) { databasetest.Storm(t, s) })
}

func create(t *testing.T, p database.Provider, token string) (made *database.Database, as *redis.Client) {
	t.Helper()
	made, err := p.Create(t.Context(), databasetest.Spec(token))
	if err != nil {
		t.Fatal(err)
	}
	o, err := redis.ParseURL(made.URL)
	if err != nil {
		t.Fatal(err)
	}
	as = redis.NewClient(o)
	t.Cleanup(func() { as.Close() })
	return made, as
}

// rights logs in as the new user, works, and tries what it must not.
func rights(t *testing.T, f far, a databasetest.Agent) {
	before := f.content(t)
	one, user := create(t, a, "one")
	two, other := create(t, a, "two")
	own, others := one.Variables["PREFIX"], two.Variables["PREFIX"]
	if err := other.Set(t.Context(), others+"key", "theirs", 0).Err(); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{
		"SET OWNkey 1", "GET OWNkey", "EXPIRE OWNkey 100", "HSET OWNhash a b", "LPUSH OWNlist a", "XADD OWNstream * a b", "ZADD OWNset 1 a", "SORT OWNset ALPHA",
		"PUBLISH OWNchannel hello", "EVAL return(redis.call('get',KEYS[1])) 1 OWNkey", "SCRIPT LOAD return(1)", "SELECT 7", "SET OWNelsewhere 1",
		"COPY OWNelsewhere OWNcopy DB 9", "INFO server", "CLIENT SETNAME x", "CLIENT ID", "TIME", "UNLINK OWNkey", "PING", "WAIT 0 0", "OBJECT ENCODING OWNcopy", "RENAME OWNelsewhere OWNmoved",
	} {
		if err := try(t.Context(), user, command, own, others); err != nil && !strings.HasPrefix(command, "OBJECT") {
			t.Errorf("%s: %v", command, err)
		}
	}
	for _, command := range []string{
		"GET OTHERkey", "SET OTHERkey 1", "DEL OTHERkey", "EXISTS OTHERkey", "COPY OTHERkey OWNstolen", "RENAME OTHERkey OWNstolen", "SUNIONSTORE OWNstolen OTHERkey", "DUMP OTHERkey",
		"EVAL return(redis.call('get','OTHERkey')) 0", "SORT OWNset BY OTHERkey* GET OTHERkey", "GET wright:notes", "HGETALL wright:notes",
		"KEYS *", "SCAN 0", "RANDOMKEY", "PUBLISH OTHERchannel x", "SUBSCRIBE OTHERchannel", "PSUBSCRIBE *", "PUBSUB CHANNELS", "CLIENT TRACKING ON BCAST", "CLIENT LIST", "MONITOR",
		"FLUSHALL", "FLUSHDB", "SWAPDB 0 1", "CONFIG GET *", "ACL LIST", "ACL WHOAMI", "SHUTdown", "SAVE", "REPLICAOF NO ONE", "MIGRATE x 1 OWNset 0 1", "SCRIPT FLUSH", "FUNCTION LIST",
		"FUNCTION FLUSH", "MODULE LIST", "SLOWLOG GET", "LATENCY RESET", "CLUSTER RESET", "FAILOVER",
	} {
		if err := try(t.Context(), user, command, own, others); err == nil || !strings.Contains(err.Error(), "NOPERM") && !strings.Contains(err.Error(), "can't access") && !strings.Contains(err.Error(), "denied") {
			t.Errorf("%s: %v; it must not be permitted", command, err)
		}
	}
	for _, token := range []string{"one", "two"} {
		if err := a.Delete(t.Context(), token); err != nil {
			t.Error(err)
		}
	}
	if err := user.Ping(t.Context()).Err(); err == nil {
		t.Error("the user still gets in")
	}
	if after := f.content(t); !slices.Equal(before, after) {
		t.Errorf("the server had %q, and has %q", before, after)
	}
}

func try(ctx context.Context, c *redis.Client, command, own, others string) error {
	var arguments []any
	for _, word := range strings.Fields(command) {
		arguments = append(arguments, strings.ReplaceAll(strings.ReplaceAll(word, "OWN", own), "OTHER", others))
	}
	return c.Do(ctx, arguments...).Err()
}

// saved looks into the file of the server's users.
func saved(t *testing.T, f far, a databasetest.Agent, file string) {
	made, _ := create(t, a, "saved")
	name := made.Variables["USER"]
	in := func() bool {
		if err := f.Do(t.Context(), "ACL", "LOAD").Err(); err != nil {
			t.Fatal(err)
		}
		users, err := f.Do(t.Context(), "ACL", "USERS").StringSlice()
		if err != nil {
			t.Fatal(err)
		}
		return slices.Contains(users, name)
	}
	if !in() {
		t.Errorf("%s does not have the user", file)
	}
	if err := work(made.URL); err != nil {
		t.Errorf("log in afterwards: %v", err)
	}
	if err := a.Delete(t.Context(), "saved"); err != nil || in() {
		t.Errorf("%s still has the user: %v", file, err)
	}
}

// Users are kept in each of the ways.
func TestSave(t *testing.T) {
	lab := labtest.Start(t, "redis")
	settings := settingsOf(lab.Env)
	for _, save := range []string{saveConfig, saveNothing, saveFile} {
		settings["servers"].([]any)[0].(map[string]any)["save"] = save
		provider := &provider{}
		if err := provider.Configure(t.Context(), plugins.Settings{Installation: "tests", Config: settings}); err != nil {
			t.Fatal(err)
		}
		if _, err := provider.Create(t.Context(), databasetest.Spec("save")); err != nil {
			t.Errorf("%s: %v", save, err)
		}
		if err := provider.Delete(t.Context(), "save"); err != nil {
			t.Errorf("%s: %v", save, err)
		}
	}
}

func TestSaid(t *testing.T) {
	for said, want := range map[string]plugins.Code{
		"WRONGPASS invalid username-password pair or user is disabled.":                                   plugins.Denied,
		"NOPERM this user has no permissions to run the 'acl|setuser' command":                            plugins.Denied,
		"OOM command not allowed when used memory > 'maxmemory'.":                                         plugins.Quota,
		"ERR max number of clients reached":                                                               plugins.Quota,
		"LOADING Redis is loading the dataset in memory":                                                  plugins.Transient,
		"READONLY You can't write against a read only replica.":                                           plugins.Transient,
		"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk": plugins.Transient,
		"ERR This Redis instance is not configured to use an ACL file. You may want to specify users":     plugins.Invalid,
		"ERR The server is running without a config file":                                                 plugins.Invalid,
		"ERR Error in ACL SETUSER modifier '-fcall': Unknown command or category name in ACL":             plugins.Unsupported,
		"ERR unknown command `ACL`, with args beginning with: `SETUSER`":                                  plugins.Unsupported,
		"ERR something else": plugins.Unknown,
	} {
		if got := codeOf(said); got != want {
			t.Errorf("%s: %q, want %q", said, got, want)
		}
	}
	if got := bounded("a\x1b[2J\r\n" + strings.Repeat("x", 1000)); len(got) > 500 || strings.ContainsAny(got, "\x1b\r\n") {
		t.Errorf("%q", got)
	}
}

func TestDatabases(t *testing.T) {
	info := "# Keyspace\r\ndb0:keys=3,expires=0,avg_ttl=0\r\ndb14:keys=1,expires=0,avg_ttl=0\r\ndbx:keys=1\r\ndb-1:keys=1\r\ndb7\r\n"
	if got := databases(info); !slices.Equal(got, []int{0, 14}) {
		t.Errorf("%v", got)
	}
}

func FuzzDatabases(f *testing.F) {
	f.Add("# Keyspace\r\ndb0:keys=3\r\n")
	f.Fuzz(func(t *testing.T, info string) {
		for _, n := range databases(info) {
			if n < 0 {
				t.Errorf("%d of %q", n, info)
			}
		}
	})
}

func TestEntries(t *testing.T) {
	got := entries(map[string]string{
		"w_a": `{"token":"t","name":"shop"}`, "use:w_u": `{"token":"t","name":"shop","persistent":true,"of":"w_p"}`,
		"use:w_x": `{"token":"t","name":"shop"}`, "w_y": "{", "w_z": `{"token":"t","name":"shop","persistent":true,"of":"w_p"}`,
	})
	if len(got) != 2 {
		t.Errorf("%+v", got)
	}
	for _, e := range got {
		if e.Key.Use != (e.Of != "") || keyOf(field(e.Key)) != e.Key {
			t.Errorf("%+v", e)
		}
	}
}

// Where the users go is in the URL.
func TestReach(t *testing.T) {
	for tls, want := range map[string]string{"off": "redis://w_x@redis.example.test:6379/0", "verify": "rediss://w_x@redis.example.test:6379/0"} {
		var o options
		config := map[string]any{"servers": []any{map[string]any{"name": "a", "address": "redis.example.test:6379", "user": "u", "password": "p", "tls": tls}}}
		if err := plugins.ReadConfig(config, &o); err != nil {
			t.Fatal(err)
		}
		e := o.Servers[0]
		e.ClientAddress = e.Address
		at := e.reach("w_x")
		if _, err := url.Parse(at.URL.String()); err != nil || at.URL.String() != want || at.Variables["PREFIX"] != "w_x:" {
			t.Errorf("%s: %+v", tls, at)
		}
	}
}
