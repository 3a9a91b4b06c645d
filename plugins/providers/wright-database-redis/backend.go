package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database/notes"
)

// backend is one server.
type backend struct {
	client *redis.Client
	save   string
	scan   bool
}

var _ notes.Backend = (*backend)(nil)

// ledger is the hash with the notes, in the server's database 0.
const ledger = "wright:notes"

func newBackend(field string, e entry) (*backend, error) {
	config, err := e.TLSConfig(field)
	if err != nil {
		return nil, err
	}
	o := &redis.Options{
		Addr: e.Address, TLSConfig: config, ContextTimeoutEnabled: true, DialTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second,
		WriteTimeout: 5 * time.Second, PoolSize: 8, MinRetryBackoff: 50 * time.Millisecond, MaxRetryBackoff: time.Second, ClientName: "wright",
		CredentialsProviderContext: func(context.Context) (string, string, error) {
			secret, err := e.Secret()
			return e.User, secret, err
		},
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	return &backend{client: redis.NewClient(o), save: e.Save, scan: e.Scan}, nil
}

// field is where a note is in the ledger.
func field(key notes.Key) string {
	if key.Use {
		return "use:" + key.Name
	}
	return key.Name
}

// keyOf is the way back.
func keyOf(field string) notes.Key {
	name, use := strings.CutPrefix(field, "use:")
	return notes.Key{Name: name, Use: use}
}

// Get implements notes.Backend.
func (b *backend) Get(ctx context.Context, key notes.Key) (*notes.Note, error) {
	text, err := b.client.HGet(ctx, ledger, field(key)).Bytes()
	if isNil(err) {
		return nil, nil
	}
	if err != nil {
		return nil, explained(ctx, "HGET "+ledger, err)
	}
	n, err := notes.Parse(text)
	if err != nil {
		return nil, plugins.Errorf(plugins.Exists, "%s %s was not made by Wright: %w", ledger, field(key), err)
	}
	return n, nil
}

// All implements notes.Backend.
func (b *backend) All(ctx context.Context) ([]notes.Entry, error) {
	all, err := b.client.HGetAll(ctx, ledger).Result()
	if err != nil {
		return nil, explained(ctx, "HGETALL "+ledger, err)
	}
	return entries(all), nil
}

// entries leaves out what is no note of ours.
func entries(all map[string]string) []notes.Entry {
	var list []notes.Entry
	for f, text := range all {
		key := keyOf(f)
		if n, err := notes.Parse([]byte(text)); err == nil && key.Use == (n.Of != "") {
			list = append(list, notes.Entry{Key: key, Note: *n})
		}
	}
	return list
}

// Put implements notes.Backend. The note and the user come in one transaction.
func (b *backend) Put(ctx context.Context, e notes.Entry, password string) error {
	text, err := e.Text()
	if err != nil {
		return err
	}
	_, err = b.client.TxPipelined(ctx, func(tx redis.Pipeliner) error {
		tx.HSet(ctx, ledger, field(e.Key), text)
		if !e.Key.Use {
			tx.Do(ctx, arguments("ACL", "SETUSER", e.Key.Name, rules(e.Key.Name, password, b.scan))...)
		}
		return nil
	})
	if err != nil {
		return explained(ctx, "ACL SETUSER "+e.Key.Name, err)
	}
	if e.Key.Use {
		return nil
	}
	return b.keep(ctx)
}

func arguments(a, b, c string, more []string) []any {
	list := []any{a, b, c}
	for _, m := range more {
		list = append(list, m)
	}
	return list
}

// rules are those of a user: its password, of which the server gets the hash
// alone, its prefix, and commands that neither manage the server nor look at what
// others have. Blocking, counting or looking up names of all would be the latter.
func rules(name, password string, scan bool) []string {
	sum := sha256.Sum256([]byte(password))
	list := []string{
		"reset", "on", "#" + hex.EncodeToString(sum[:]), "~" + prefix(name) + "*", "&" + prefix(name) + "*",
		"+@read", "+@write", "+@pubsub", "+@connection", "+@transaction", "+@scripting", "-@admin", "-@dangerous",
		"-function", "-fcall", "-fcall_ro", "-script|flush", "-script|kill", "-pubsub", "-randomkey", "-client|tracking",
		"+info", "+sort", "+sort_ro", "+time", "+wait",
	}
	if scan {
		return append(list, "+scan")
	}
	return append(list, "-scan")
}

// Remove implements notes.Backend. Without its user nobody writes any more keys, and
// as long as there is a user in a file of the server's there is the note.
func (b *backend) Remove(ctx context.Context, e notes.Entry) error {
	if !e.Key.Use {
		if err := b.removeUser(ctx, e); err != nil {
			return err
		}
	}
	if err := b.client.HDel(ctx, ledger, field(e.Key)).Err(); err != nil {
		return explained(ctx, "HDEL "+ledger, err)
	}
	return nil
}

func (b *backend) removeUser(ctx context.Context, e notes.Entry) error {
	name := e.Key.Name
	users, err := b.client.Do(ctx, "ACL", "DELUSER", name).Int()
	if err != nil {
		return explained(ctx, "ACL DELUSER "+name, err)
	}
	if users == 0 && e.Name == "" {
		return nil // it never was: no need to look at all keys
	}
	if err := b.keep(ctx); err != nil {
		return err
	}
	info, err := b.client.Info(ctx, "keyspace").Result()
	if err != nil {
		return explained(ctx, "INFO keyspace", err)
	}
	for _, db := range databases(info) {
		if err := b.empty(ctx, db, prefix(name)); err != nil {
			return explained(ctx, fmt.Sprintf("remove the keys of %s in database %d", name, db), err)
		}
	}
	return nil
}

// empty removes the keys with a prefix from one of the server's databases. The
// connection is its own: in a pool it would stay at that database.
func (b *backend) empty(ctx context.Context, db int, prefix string) error {
	o := *b.client.Options()
	o.DB, o.PoolSize = db, 1
	one := redis.NewClient(&o)
	defer func() { _ = one.Close() }()
	var cursor uint64
	for {
		keys, next, err := one.Scan(ctx, cursor, prefix+"*", 1000).Result()
		if err == nil && len(keys) > 0 {
			err = one.Unlink(ctx, keys...).Err()
		}
		if err != nil || next == 0 {
			return err
		}
		cursor = next
	}
}

// Count implements notes.Backend.
func (b *backend) Count(ctx context.Context) (int, error) {
	users, err := b.client.Do(ctx, "ACL", "USERS").StringSlice()
	if err != nil {
		return 0, explained(ctx, "ACL USERS", err)
	}
	return len(users), nil
}

// The ways to have users outlive a restart of the server.
const (
	saveFile    = "acl-file"
	saveConfig  = "config"
	saveNothing = "nothing"
)

func (b *backend) keep(ctx context.Context) error {
	command := []any{"ACL", "SAVE"}
	switch b.save {
	case saveNothing:
		return nil
	case saveConfig:
		command = []any{"CONFIG", "REWRITE"}
	}
	if err := b.client.Do(ctx, command...).Err(); err != nil {
		return explained(ctx, fmt.Sprint(command...), err)
	}
	return nil
}
