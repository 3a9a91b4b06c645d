package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/lab/labtest"
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

// work logs in at a URL as a program does, and writes and reads a key.
func work(at string) error {
	u, err := url.Parse(at)
	if err != nil {
		return err
	}
	o, err := redis.ParseURL(at)
	if err != nil {
		return err
	}
	o.MaxRetries = -1
	client := redis.NewClient(o)
	defer client.Close()
	key := u.User.Username() + ":of the probe"
	if err := client.Set(context.Background(), key, "text", 0).Err(); err != nil {
		return err
	}
	if text, err := client.Get(context.Background(), key).Result(); err != nil || text != "text" {
		return errors.Join(err, fmt.Errorf("read %q", text))
	}
	return nil
}

func TestConformance(t *testing.T) {
	if os.Getenv("WRIGHT_TEST_HEAVY") == "" {
		t.Skip("it takes a minute: set WRIGHT_TEST_HEAVY=1")
	}
	env := labtest.Start(t, "redis").Env
	wrong := maps.Clone(env)
	wrong["REDIS_PASSWORD"] = "wrong-password"
	full := settingsOf(env)
	full["servers"].([]any)[0].(map[string]any)["max-databases"] = 1
	self, err := os.Executable()
	if err != nil || strings.Contains(self, "'") {
		t.Fatal(self, err)
	}
	conformance.Database(t, conformance.Subject{
		Binary: conformance.Build(t, "."), Settings: settingsOf(env), Wrong: settingsOf(wrong), Full: full,
		Probe: fmt.Sprintf("WRIGHT_TEST_PROBE=1 exec '%s'", self),
	})
}

// settingsOf are the provider's settings for a lab.
func settingsOf(env map[string]string) map[string]any {
	return map[string]any{"servers": []any{
		map[string]any{"name": "lab", "address": env["REDIS_ADDRESS"], "user": env["REDIS_USER"], "password": env["REDIS_PASSWORD"]},
	}}
}
