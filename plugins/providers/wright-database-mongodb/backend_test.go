package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	driver "go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/database/databasetest"
	"github.com/wright-build/wright/plugins/providers/wright-database-mongodb/testdata/mongod"
)

// As the suite's probe the test binary logs in at $URL instead.
func TestMain(m *testing.M) {
	if os.Getenv("WRIGHT_TEST_PROBE") == "" {
		os.Exit(m.Run())
	}
	if err := work(os.Getenv("URL")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// work logs in at a URL as a program does, and writes and reads a document.
func work(at string) error {
	u, err := url.Parse(at)
	if err != nil {
		return err
	}
	return write(at, u.Path[1:])
}

func write(at, name string) error {
	ctx := context.Background()
	client, err := mongo.Connect(driver.Client().ApplyURI(at))
	if err != nil {
		return err
	}
	defer client.Disconnect(ctx)
	c := client.Database(name).Collection("of-the-probe")
	if _, err := c.InsertOne(ctx, bson.D{{Key: "a", Value: 1}}); err != nil {
		return err
	}
	return c.FindOne(ctx, bson.D{{Key: "a", Value: 1}}).Err()
}

// far is a server: the one that WRIGHT_TEST_MONGODB names, or where there is none a
// contract, in which its administrator has no more than the roles that the
// documentation asks for.
type far struct {
	url      *url.URL
	contract *mongod.Server // nil: a real server
}

func newFar(t *testing.T) far {
	t.Helper()
	if at := os.Getenv("WRIGHT_TEST_MONGODB"); at != "" {
		u, err := url.Parse(at)
		if err != nil {
			t.Fatal(err)
		}
		return far{url: u}
	}
	s, err := mongod.Start("root", "of-the-administrator é", "userAdminAnyDatabase@admin", "dbAdminAnyDatabase@admin", "readWrite@"+own)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return far{&url.URL{Scheme: "mongodb", User: url.UserPassword("root", "of-the-administrator é"), Host: s.Address, Path: "/"}, s}
}

// settings are the provider's, with this password of the administrator's or the
// right one.
func (f far) settings(password string) map[string]any {
	if password == "" {
		password, _ = f.url.User.Password()
	}
	return map[string]any{"servers": []any{map[string]any{"name": "lab", "address": f.url.Host, "user": f.url.User.Username(), "password": password}}}
}

func TestConformance(t *testing.T) {
	if os.Getenv("WRIGHT_TEST_HEAVY") == "" {
		t.Skip("it takes a minute: set WRIGHT_TEST_HEAVY=1")
	}
	f := newFar(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	conformance.Database(t, conformance.Subject{
		Binary: conformance.Build(t, "."), Settings: f.settings(""), Wrong: f.settings("wrong-password"), Probe: fmt.Sprintf("WRIGHT_TEST_PROBE=1 exec '%s'", self),
	})
}

func TestServer(t *testing.T) {
	f := newFar(t)
	client, err := mongo.Connect(driver.Client().ApplyURI(f.url.String()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Disconnect(t.Context())
	s := databasetest.Subject{
		Dir: filepath.Dir(conformance.Build(t, ".")), Name: "mongodb", Settings: f.settings(""), Secrets: []string{"stored-", "of-the-administrator"}, Work: work,
		Content: func(t testing.TB) []string { return content(t, client) },
	}
	t.Run("rights", func(t *testing.T) { rights(t, s.Agent(t)) })
	t.Run("another's", func(t *testing.T) { others(t, s.Agent(t), client) })
	t.Run("killed", func(t *testing.T) { databasetest.Storm(t, s) })
	if f.contract != nil {
		f.contract.Cut(5)
		t.Run("answers are lost", func(t *testing.T) { databasetest.Hard(t, s, 12, func() { f.contract.Cut(0) }) })
	}
}

// content lists all users, and all databases but the provider's own.
func content(t testing.TB, client *mongo.Client) []string {
	var all struct{ Users []user }
	if err := client.Database("admin").RunCommand(t.Context(), bson.D{{Key: "usersInfo", Value: bson.D{{Key: "forAllDBs", Value: true}}}}).Decode(&all); err != nil {
		t.Fatal(err)
	}
	list, err := client.ListDatabaseNames(t.Context(), bson.D{{Key: "name", Value: bson.D{{Key: "$ne", Value: own}}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range all.Users {
		list = append(list, "user "+u.DB+"."+u.Name)
	}
	return list
}

// others sees that a user of the same name whom somebody else made stays as it is.
func others(t *testing.T, p database.Provider, client *mongo.Client) {
	made, err := p.Create(t.Context(), databasetest.Spec("theirs"))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Delete(t.Context(), "theirs"); err != nil {
		t.Fatal(err)
	}
	name := made.Variables["NAME"]
	create := bson.D{{Key: "createUser", Value: name}, {Key: "pwd", Value: "a person's"}, {Key: "roles", Value: bson.A{}}}
	if err := client.Database(name).RunCommand(t.Context(), create).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Create(t.Context(), databasetest.Spec("theirs")); plugins.CodeOf(err) != plugins.Exists {
		t.Errorf("a user of another's: %v", err)
	}
	if err := p.Delete(t.Context(), "theirs"); err != nil {
		t.Error(err)
	}
	if err := client.Database(name).RunCommand(t.Context(), bson.D{{Key: "dropUser", Value: name}}).Err(); err != nil {
		t.Errorf("it is not there any more: %v", err)
	}
}

func rights(t *testing.T, p database.Provider) {
	one, err := p.Create(t.Context(), databasetest.Spec("one"))
	if err != nil {
		t.Fatal(err)
	}
	two, err := p.Create(t.Context(), databasetest.Spec("two"))
	if err != nil {
		t.Fatal(err)
	}
	if err := work(one.URL); err != nil {
		t.Error(err)
	}
	for _, name := range []string{two.Variables["NAME"], "admin", own} {
		if err := write(one.URL, name); err == nil {
			t.Errorf("the user writes to %s", name)
		}
	}
	for _, token := range []string{"one", "two"} {
		if err := p.Delete(t.Context(), token); err != nil {
			t.Error(err)
		}
	}
	if err := work(one.URL); err == nil {
		t.Error("the user still gets in")
	}
}

func raw(t *testing.T, v any) bson.Raw {
	text, err := bson.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestEntries(t *testing.T) {
	data := func(note string) bson.Raw { return raw(t, bson.D{{Key: noteField, Value: note}}) }
	good := `{"wright":"i","token":"t","name":"shop","tags":{"a.b$":"c"}}`
	users := []user{
		{"w_a", "w_a", data(good)}, {"w_b", "admin", data(good)}, {"w_c", "w_c", nil}, {"w_d", "w_d", data("{}")},
		{"w_e", "w_e", raw(t, bson.D{{Key: noteField, Value: 7}})}, {"w_f", "w_f", bson.Raw("broken")},
		{"w_g", "w_g", data(`{"token":"t","name":"shop","persistent":true,"of":"w_a"}`)},
	}
	documents := []use{{"w_u", `{"token":"t","name":"shop","persistent":true,"of":"w_p"}`}, {"w_v", good}, {"w_w", ""}}
	var got []string
	for _, e := range entries(users, documents) {
		got = append(got, fmt.Sprint(e.Key))
	}
	if want := []string{"{w_a false}", "{w_u true}"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// What the server answers is read as it is documented.
func TestUsersInfo(t *testing.T) {
	answer := raw(t, bson.D{{Key: "ok", Value: 1.0}, {Key: "users", Value: bson.A{bson.D{
		{Key: "_id", Value: "w_a.w_a"}, {Key: "user", Value: "w_a"}, {Key: "db", Value: "w_a"}, {Key: "roles", Value: roles("w_a")},
		{Key: "customData", Value: bson.D{{Key: noteField, Value: `{"token":"t","name":"shop"}`}}},
	}}}})
	var read struct {
		Users []user `bson:"users"`
	}
	if err := bson.Unmarshal(answer, &read); err != nil || len(read.Users) != 1 || read.Users[0].note() == nil {
		t.Errorf("%+v, %v", read, err)
	}
}

func FuzzNote(f *testing.F) {
	f.Add([]byte{})
	if text, err := bson.Marshal(bson.D{{Key: noteField, Value: `{"token":"t","name":"shop"}`}}); err == nil {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if n := (user{"w_a", "w_a", data}).note(); n != nil && n.Name == "" {
			t.Errorf("%q gives %+v", data, n)
		}
	})
}

func TestCodes(t *testing.T) {
	command := func(code int32, labels ...string) error {
		return mongo.CommandError{Code: code, Message: "it says", Labels: labels}
	}
	tests := []struct {
		err  error
		code plugins.Code
	}{
		{command(unauthorized), plugins.Denied},
		{command(authenticationFailed), plugins.Denied},
		{fmt.Errorf("connection() error occurred during connection handshake: auth error: sasl conversation error: %w", errors.New("(AuthenticationFailed) Authentication failed")), plugins.Denied},
		{command(outOfDiskSpace), plugins.Quota},
		{command(badValue), plugins.Invalid},
		{command(189), plugins.Transient},
		{command(91), plugins.Transient},
		{command(1, "NetworkError"), plugins.Transient},
		{command(1, "RetryableWriteError"), plugins.Transient},
		{errors.New("server selection error: context deadline exceeded"), plugins.Transient},
		{command(1), plugins.Unknown},
		{plugins.Errorf(plugins.Denied, "no such file"), plugins.Denied},
	}
	for _, tt := range tests {
		if got := plugins.CodeOf(explained(t.Context(), "usersInfo", tt.err)); got != tt.code {
			t.Errorf("%v: %q, want %q", tt.err, got, tt.code)
		}
	}
	if err := explained(t.Context(), "createUser x", command(userExists)); !hasCode(err, userExists) || hasCode(err, userNotFound) {
		t.Errorf("%v has lost its code", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := explained(ctx, "usersInfo", command(1)); !errors.Is(err, context.Canceled) || plugins.CodeOf(err) != plugins.Unknown {
		t.Errorf("cancelled: %v", err)
	}
	long := explained(t.Context(), "x", errors.New("a\x1b[2J\n"+strings.Repeat("x", 5000))).Error()
	if len(long) > 1100 || strings.ContainsAny(long, "\x1b\n") {
		t.Errorf("%q", long)
	}
}

func TestReach(t *testing.T) {
	tests := []struct {
		more map[string]any
		want string
	}{
		{map[string]any{"tls": "off"}, "mongodb://w_x@mongo.example.test:27017/w_x?authSource=w_x"},
		{map[string]any{"replica-set": "rs0"}, "mongodb://w_x@mongo.example.test:27017/w_x?authSource=w_x&replicaSet=rs0&tls=true"},
		{map[string]any{"tls": "insecure", "client-address": "h:1"}, "mongodb://w_x@h:1/w_x?authSource=w_x&tls=true&tlsInsecure=true"},
	}
	for _, tt := range tests {
		server := map[string]any{"name": "a", "address": "mongo.example.test", "user": "u", "password": "p"}
		for k, v := range tt.more {
			server[k] = v
		}
		var o options
		if err := plugins.ReadConfig(map[string]any{"servers": []any{server}}, &o); err != nil {
			t.Fatal(err)
		}
		list, _, err := o.servers()
		if err != nil {
			t.Fatal(err)
		}
		at := list[0].Reach("w_x")
		if got := at.URL.String(); got != tt.want {
			t.Errorf("%s, want %s", got, tt.want)
		}
		at.URL.User = url.UserPassword("w_x", "/@:?#%20+ é")
		if err := driver.Client().ApplyURI(at.URL.String()).Validate(); err != nil {
			t.Errorf("no driver takes %s: %v", at.URL.Redacted(), err)
		}
	}
}

// A server that does not answer is one that may answer later.
func TestDown(t *testing.T) {
	p := &provider{}
	server := map[string]any{"name": "a", "address": "127.0.0.1:1", "user": "u", "password": "s3cret", "auth-source": "admin"}
	if err := p.Configure(t.Context(), plugins.Settings{Installation: "i", Config: map[string]any{"servers": []any{server}}}); err != nil {
		t.Fatal(err)
	}
	defer p.open[0].close(t.Context())
	_, err := p.List(t.Context(), nil)
	if plugins.CodeOf(err) != plugins.Transient || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "server a (127.0.0.1:1): usersInfo") {
		t.Errorf("%v", err)
	}
}
