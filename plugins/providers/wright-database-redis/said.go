package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/redis/go-redis/v9"

	"github.com/wright-build/wright/plugins"
)

func isNil(err error) bool { return errors.Is(err, redis.Nil) }

// explained gives an error of the server or on the way to it its code.
func explained(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	}
	if _, ok := errors.AsType[*plugins.Error](err); ok { // of the credentials
		return err
	}
	var said redis.Error
	if !errors.As(err, &said) {
		return plugins.Errorf(plugins.Transient, "%s: %w", doing, err)
	}
	text := said.Error()
	code := codeOf(text)
	if code == plugins.Invalid {
		return plugins.Invalidf("settings.servers", "save: %s: %s", doing, bounded(text))
	}
	return plugins.Errorf(code, "%s: %s", doing, bounded(text))
}

// codeOf reads what a server says. It begins with a word in capitals.
func codeOf(said string) plugins.Code {
	word, _, _ := strings.Cut(said, " ")
	lower := strings.ToLower(said)
	switch {
	case slices.Contains([]string{"WRONGPASS", "NOAUTH", "NOPERM"}, word), strings.Contains(lower, "invalid username-password"):
		return plugins.Denied
	case word == "OOM", strings.Contains(lower, "max number of clients"):
		return plugins.Quota
	case slices.Contains([]string{"LOADING", "BUSY", "READONLY", "MASTERDOWN", "TRYAGAIN", "CLUSTERDOWN", "MISCONF", "NOREPLICAS"}, word):
		return plugins.Transient
	case strings.Contains(lower, "acl file"), strings.Contains(lower, "without a config file"):
		return plugins.Invalid
	case strings.Contains(lower, "unknown command"), strings.Contains(lower, "unknown subcommand"), strings.Contains(lower, "setuser modifier"), word == "MOVED":
		return plugins.Unsupported
	}
	return plugins.Unknown
}

func bounded(said string) string {
	said = strings.ToValidUTF8(said[:min(len(said), 500)], "")
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, said)
}

// databases reads which of the server's databases hold keys: lines such as
// "db0:keys=1,expires=0,avg_ttl=0".
func databases(info string) []int {
	var list []int
	for line := range strings.Lines(info) {
		name, _, ok := strings.Cut(line, ":")
		number, isDB := strings.CutPrefix(name, "db")
		if n, err := strconv.Atoi(number); ok && isDB && err == nil && n >= 0 {
			list = append(list, n)
		}
	}
	return list
}
