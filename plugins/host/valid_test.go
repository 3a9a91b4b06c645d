package host

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/balancer"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/dns"
	"github.com/wright-build/wright/plugins/notifier"
	"github.com/wright-build/wright/plugins/runner"
)

// What is valid is said here a second time, without the SDK's own checks.

func isLine(s string, limit int) bool {
	return utf8.ValidString(s) && len(s) <= limit && !strings.ContainsFunc(s, unicode.IsControl)
}

func isToken(s string) bool { return s != "" && isLine(s, 1024) }

func isTime(t time.Time) bool { return t.IsZero() || t.Year() >= 1 && t.Year() <= 9999 }

var (
	variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	host     = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?$`)
	domain   = regexp.MustCompile(`^(\*\.)?[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?$`)
	settings = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)
)

func isHost(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil || host.MatchString(s) && len(s) <= 254
}

func areTags(tags map[string]string) bool {
	for k, v := range tags {
		if !isToken(k) || !isLine(v, 1024) {
			return false
		}
	}
	return len(tags) <= 64
}

// areAsked are the tags of a thing in a list: those that were asked for, too.
func areAsked(have map[string]string) bool {
	return areTags(have) && have[plugins.InstallationTag] == "i" && have["a"] == "b"
}

func isEnv(env map[string]string) bool {
	size := 0
	for k, v := range env {
		size += len(k) + len(v)
		if !variable.MatchString(k) || len(k) > 1024 || !utf8.ValidString(v) || strings.Contains(v, "\x00") {
			return false
		}
	}
	return size <= 1<<20
}

// valid says what is wrong with something that a client let through.
func valid(got any) error {
	switch v := got.(type) {
	case nil:
		return nil
	case []byte:
		return check(len(v) <= 64<<10, "console", len(v))
	case *cloud.Server:
		return check(isServer(*v) && v.Token == token, "server", v)
	case []cloud.Server:
		return each(v, func(s cloud.Server) bool { return isServer(s) && areAsked(s.Tags) })
	case *database.Database:
		return check(isDatabase(*v) && v.Token == token, "database", v)
	case []database.Database:
		return each(v, func(d database.Database) bool { return isDatabase(d) && areAsked(d.Tags) })
	case []dns.Entry:
		return each(v, isEntry)
	case []balancer.Route:
		return each(v, isRoute)
	case *runner.Sandbox:
		return check(v.Token == token && areTags(v.Tags) && isTime(v.CreatedAt), "sandbox", v)
	case []runner.Sandbox:
		return each(v, func(s runner.Sandbox) bool { return isToken(s.Token) && areAsked(s.Tags) && isTime(s.CreatedAt) })
	case *runner.Command:
		return check(isCommand(*v), "command", v)
	case []notifier.Receipt:
		return each(v, func(r notifier.Receipt) bool { return isToken(r.Token) && areAsked(r.Tags) && isTime(r.DeliveredAt) })
	case *plugins.Description:
		return check(isDescription(v), "description", v)
	}
	return fmt.Errorf("a %T is new here", got)
}

func check(ok bool, what string, v any) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%s got through: %.2000q", what, fmt.Sprintf("%+v", v))
}

func each[T any](list []T, ok func(T) bool) error {
	if list == nil || len(list) > 100_000 {
		return fmt.Errorf("a list of %d, nil %v", len(list), list == nil)
	}
	for _, v := range list {
		if err := check(ok(v), "an element", v); err != nil {
			return err
		}
	}
	return nil
}

func isServer(s cloud.Server) bool {
	return isToken(s.Token) && isLine(s.Name, 1024) && (s.Address == "" || isHost(s.Address)) && s.Port >= 0 && s.Port < 1<<16 &&
		slices.Contains([]string{"starting", "running", "failed", "deleting"}, s.State) &&
		areTags(s.Tags) && isTime(s.CreatedAt) && isEnv(s.Variables)
}

func isDatabase(d database.Database) bool {
	return isLine(d.Token, 1024) && isLine(d.Name, 1024) && isLine(d.URL, 4096) && isEnv(d.Variables) && areTags(d.Tags)
}

func isEntry(e dns.Entry) bool {
	for _, r := range e.Records {
		whole := r.TTL == time.Duration(int64(r.TTL.Seconds()))*time.Second
		if !isToken(r.Type) || !isToken(r.Value) || r.TTL < 0 || r.TTL > (1<<31)*time.Second || !whole {
			return false
		}
	}
	return domain.MatchString(e.Domain) && len(e.Domain) <= 253 && len(e.Records) <= 100 && areAsked(e.Tags)
}

func isRoute(r balancer.Route) bool {
	for _, t := range r.Targets {
		if !isHost(t.Address) || t.Port < 1 || t.Port > 65535 {
			return false
		}
	}
	return domain.MatchString(r.Name) && len(r.Targets) <= 1000 && areAsked(r.Tags)
}

func isCommand(c runner.Command) bool {
	size := 0
	for _, a := range c.Args {
		size += len(a)
		if !utf8.ValidString(a) || strings.Contains(a, "\x00") {
			return false
		}
	}
	return len(c.Args) > 0 && c.Args[0] != "" && size <= 1<<20 && path.IsAbs(c.Dir) && len(c.Dir) <= 4096 &&
		utf8.ValidString(c.Dir) && !strings.Contains(c.Dir, "\x00") && isEnv(c.Env)
}

func isDescription(d *plugins.Description) bool {
	for _, c := range d.Capabilities {
		if !isToken(c) {
			return false
		}
	}
	for _, s := range []plugins.Schema{d.Settings, d.Config} {
		// Whatever is stated, a table can be held against it.
		_, _ = s.Check("x", map[string]any{"port": 3.0, "disks": []any{map[string]any{"gib": "x"}}, "key": nil})
	}
	return slices.Contains(plugins.Kinds(), d.Kind) && isToken(d.Name) && isLine(d.Version, 1100) && len(d.Capabilities) <= 100 &&
		len(d.Doc) <= 16<<10 && isSchema(d.Settings, 0) && isSchema(d.Config, 0)
}

func isSchema(s plugins.Schema, depth int) bool {
	names := map[string]bool{}
	for _, f := range s {
		types := []plugins.Type{"string", "integer", "number", "boolean", "duration", "list", "table", "map"}
		ok := settings.MatchString(f.Name) && !names[f.Name] && (f.Type == "" || slices.Contains(types, f.Type)) &&
			(f.Element == "" || slices.Contains(types, f.Element)) && len(f.Doc) <= 16<<10 && len(f.OneOf) <= 200 && isSchema(f.Fields, depth+1)
		if !ok {
			return false
		}
		names[f.Name] = true
	}
	return len(s) <= 200 && depth <= 9
}

// validError says what is wrong with an error that a client gave.
func validError(err error) error {
	text := err.Error()
	plain := strings.NewReplacer("\n", "", "\t", "").Replace(text)
	if !isLine(plain, 20<<10) {
		return fmt.Errorf("an error that nobody can show: %.200q (%d bytes)", text, len(text))
	}
	codes := []plugins.Code{"", "not-found", "exists", "quota", "denied", "invalid", "transient", "unsupported"}
	if !slices.Contains(codes, plugins.CodeOf(err)) {
		return fmt.Errorf("a code that nobody knows: %q", plugins.CodeOf(err))
	}
	if e, ok := errors.AsType[*plugins.Error](err); ok && (e.RetryAfter < 0 || e.RetryAfter > 24*time.Hour || !isLine(e.Field, 1100)) {
		return fmt.Errorf("retry after %v, field %q", e.RetryAfter, e.Field)
	}
	return nil
}
