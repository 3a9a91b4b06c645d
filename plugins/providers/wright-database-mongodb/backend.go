package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	driver "go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/wright-build/wright/plugins/database/notes"
)

// backend is one server or replica set. A database and its user have one name, and
// the user is in the database. It comes first, in one command with its note, and
// goes last.
type backend struct {
	entry entry
	tls   *tls.Config

	mu     sync.Mutex // guards all below
	secret string
	client *mongo.Client
}

var _ notes.Backend = (*backend)(nil)

// own is the database with what the provider itself keeps: the uses of persistent
// databases.
const own, uses = "wright", "uses"

// noteField is where in its custom data a user has its note, as text: keys of
// documents may not hold everything that tags may.
const noteField = "wright"

// connected gives a client with the administrator's password of now.
func (b *backend) connected(ctx context.Context) (*mongo.Client, error) {
	secret, err := b.entry.Secret()
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.client != nil && b.secret == secret {
		return b.client, nil
	}
	o := driver.Client().SetHosts([]string{b.entry.Address}).SetAppName("wright").SetMaxPoolSize(8).SetTLSConfig(b.tls).
		SetConnectTimeout(5 * time.Second).SetServerSelectionTimeout(5 * time.Second).SetWriteConcern(writeconcern.Majority()).
		SetAuth(driver.Credential{AuthSource: b.entry.AuthSource, Username: b.entry.User, Password: secret})
	if b.entry.ReplicaSet != "" {
		o.SetReplicaSet(b.entry.ReplicaSet)
	}
	client, err := mongo.Connect(o)
	if err != nil {
		return nil, explained(ctx, "connect", err)
	}
	old := b.client
	b.client, b.secret = client, secret
	if old != nil {
		_ = old.Disconnect(ctx)
	}
	return client, nil
}

func (b *backend) close(ctx context.Context) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.client != nil {
		_ = b.client.Disconnect(ctx)
		b.client = nil
	}
}

// run runs a command at a database. A nil answer is not read.
func (b *backend) run(ctx context.Context, database string, command bson.D, answer any) error {
	client, err := b.connected(ctx)
	if err != nil {
		return err
	}
	r := client.Database(database).RunCommand(ctx, command)
	if err = r.Err(); err == nil && answer != nil {
		err = r.Decode(answer)
	}
	if err != nil {
		return explained(ctx, command[0].Key+" "+database, err)
	}
	return nil
}

// user is what usersInfo says of one.
type user struct {
	Name string   `bson:"user"`
	DB   string   `bson:"db"`
	Data bson.Raw `bson:"customData"`
}

// note gives the note of a user, nil where it has none.
func (u user) note() *notes.Note {
	text, ok := u.Data.Lookup(noteField).StringValueOK()
	if !ok {
		return nil
	}
	n, err := notes.Parse([]byte(text))
	if err != nil || n.Of != "" || u.Name != u.DB {
		return nil
	}
	return n
}

// use is a document of the collection of uses.
type use struct {
	Key  string `bson:"_id"`
	Note string `bson:"note"`
}

// Get implements notes.Backend.
func (b *backend) Get(ctx context.Context, key notes.Key) (*notes.Note, error) {
	if key.Use {
		return b.use(ctx, key.Name)
	}
	found, err := b.users(ctx, key.Name, bson.D{{Key: "user", Value: key.Name}, {Key: "db", Value: key.Name}})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	if n := found[0].note(); n != nil {
		return n, nil
	}
	return nil, notOurs("user " + key.Name)
}

func (b *backend) users(ctx context.Context, database string, which any) ([]user, error) {
	var answer struct {
		Users []user `bson:"users"`
	}
	err := b.run(ctx, database, bson.D{{Key: "usersInfo", Value: which}, {Key: "showCustomData", Value: true}}, &answer)
	return answer.Users, err
}

func (b *backend) use(ctx context.Context, key string) (*notes.Note, error) {
	client, err := b.connected(ctx)
	if err != nil {
		return nil, err
	}
	var u use
	err = client.Database(own).Collection(uses).FindOne(ctx, bson.D{{Key: "_id", Value: key}}).Decode(&u)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, nil
	}
	if err != nil {
		return nil, explained(ctx, "find in "+own+"."+uses, err)
	}
	n, err := notes.Parse([]byte(u.Note))
	if err != nil {
		return nil, notOurs(own + "." + uses + " " + key)
	}
	return n, nil
}

// All implements notes.Backend.
func (b *backend) All(ctx context.Context) ([]notes.Entry, error) {
	users, err := b.users(ctx, "admin", bson.D{{Key: "forAllDBs", Value: true}})
	if err != nil {
		return nil, err
	}
	client, err := b.connected(ctx)
	if err != nil {
		return nil, err
	}
	var documents []use
	cursor, err := client.Database(own).Collection(uses).Find(ctx, bson.D{})
	if err == nil {
		err = cursor.All(ctx, &documents)
	}
	if err != nil {
		return nil, explained(ctx, "find in "+own+"."+uses, err)
	}
	return entries(users, documents), nil
}

// entries leaves out what is no note of ours.
func entries(users []user, documents []use) []notes.Entry {
	var list []notes.Entry
	for _, u := range users {
		if n := u.note(); n != nil {
			list = append(list, notes.Entry{Key: notes.Key{Name: u.Name}, Note: *n})
		}
	}
	for _, d := range documents {
		if n, err := notes.Parse([]byte(d.Note)); err == nil && n.Of != "" {
			list = append(list, notes.Entry{Key: notes.Key{Name: d.Key, Use: true}, Note: *n})
		}
	}
	return list
}

// Put implements notes.Backend. The database itself comes with what is first written
// to it.
func (b *backend) Put(ctx context.Context, e notes.Entry, password string) error {
	text, err := e.Text()
	if err != nil {
		return err
	}
	if e.Key.Use {
		return b.putUse(ctx, use{e.Key.Name, string(text)})
	}
	name := e.Key.Name
	rest := bson.D{
		{Key: "pwd", Value: password}, {Key: "roles", Value: roles(name)},
		{Key: "customData", Value: bson.D{{Key: noteField, Value: string(text)}}}, majority(),
	}
	for range 3 { // somebody may make or remove it meanwhile
		err = b.run(ctx, name, append(bson.D{{Key: "updateUser", Value: name}}, rest...), nil)
		if !hasCode(err, userNotFound) {
			return err
		}
		err = b.run(ctx, name, append(bson.D{{Key: "createUser", Value: name}}, rest...), nil)
		if !hasCode(err, userExists) {
			return err
		}
	}
	return err
}

// roles are what a user may do: everything in its database but make other users.
func roles(name string) bson.A {
	var list bson.A
	for _, r := range []string{"readWrite", "dbAdmin"} {
		list = append(list, bson.D{{Key: "role", Value: r}, {Key: "db", Value: name}})
	}
	return list
}

func majority() bson.E {
	return bson.E{Key: "writeConcern", Value: bson.D{{Key: "w", Value: "majority"}}}
}

func (b *backend) putUse(ctx context.Context, u use) error {
	client, err := b.connected(ctx)
	if err != nil {
		return err
	}
	_, err = client.Database(own).Collection(uses).ReplaceOne(ctx, bson.D{{Key: "_id", Value: u.Key}}, u, driver.Replace().SetUpsert(true))
	if err != nil {
		return explained(ctx, "write to "+own+"."+uses, err)
	}
	return nil
}

// Remove implements notes.Backend. A user without rights writes nothing to what is
// being dropped.
func (b *backend) Remove(ctx context.Context, e notes.Entry) error {
	if e.Key.Use {
		return b.removeUse(ctx, e.Key.Name)
	}
	name := e.Key.Name
	for _, command := range []bson.D{
		{{Key: "updateUser", Value: name}, {Key: "roles", Value: bson.A{}}, majority()},
		{{Key: "dropDatabase", Value: 1}, majority()},
		{{Key: "dropUser", Value: name}, majority()},
	} {
		if err := b.run(ctx, name, command, nil); err != nil && !hasCode(err, userNotFound) {
			return fmt.Errorf("remove %s: %w", name, err)
		}
	}
	return nil
}

func (b *backend) removeUse(ctx context.Context, key string) error {
	client, err := b.connected(ctx)
	if err != nil {
		return err
	}
	if _, err := client.Database(own).Collection(uses).DeleteOne(ctx, bson.D{{Key: "_id", Value: key}}); err != nil {
		return explained(ctx, "delete from "+own+"."+uses, err)
	}
	return nil
}

// Count implements notes.Backend. A database that nothing was written to is in no
// list of databases, but its user is there.
func (b *backend) Count(ctx context.Context) (int, error) {
	users, err := b.users(ctx, "admin", bson.D{{Key: "forAllDBs", Value: true}})
	return len(users), err
}
