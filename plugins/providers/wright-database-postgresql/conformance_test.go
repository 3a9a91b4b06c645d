package main

import (
	"testing"

	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/lab/labtest"
)

// probe fails unless the database takes connections, and keeps a text in it.
const probe = `
	case $ACTION in
	write) psql -qAt -v ON_ERROR_STOP=1 -v text="$TEXT" "$URL" <<-'END' ;;
		CREATE TABLE IF NOT EXISTS probe (text text);
		DELETE FROM probe;
		INSERT INTO probe VALUES (:'text');
	END
	read) psql -qAtc "SELECT text FROM probe" "$URL" ;;
	*) psql -qAtc "SELECT 1" "$URL" ;;
	esac`

func TestConformance(t *testing.T) {
	heavy(t)
	env := labtest.Start(t, "postgresql").Env
	conformance.Database(t, conformance.Subject{
		Binary: conformance.Build(t, "."), Settings: settingsOf(env, env["POSTGRES_PASSWORD"]),
		Wrong: settingsOf(env, "wrong-password"), Probe: probe,
	})
}

// settingsOf are the provider's settings for a lab.
func settingsOf(env map[string]string, password string) map[string]any {
	return map[string]any{"servers": []any{map[string]any{
		"name": "lab", "address": env["POSTGRES_ADDRESS"], "user": env["POSTGRES_USER"], "password": password,
	}}}
}
