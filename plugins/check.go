package plugins

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a request may hold at most. Hosts and plugins both check.
const (
	MaxText   = 1024     // bytes of a token, name, flavor, image, domain or tag value
	MaxTags   = 64       // tags of one thing
	MaxConfig = 64 << 10 // bytes of a configuration table as JSON
	MaxEnv    = 1 << 20  // bytes of all environment variables together
)

// CheckText refuses text that is too long, no UTF-8 or holds control characters:
// line breaks and NULs in names are how files and command lines are hijacked.
func CheckText(field, s string) error {
	switch {
	case len(s) > MaxText:
		return Invalidf(field, "%d bytes are too many, at most %d", len(s), MaxText)
	case !utf8.ValidString(s):
		return Invalidf(field, "not valid UTF-8")
	case strings.ContainsFunc(s, unicode.IsControl):
		return Invalidf(field, "holds a control character")
	}
	return nil
}

// CheckToken is CheckText for what must not be empty.
func CheckToken(field, s string) error {
	if s == "" {
		return Invalidf(field, "is empty")
	}
	return CheckText(field, s)
}

// CheckHost refuses what is neither an IP address nor a host name.
func CheckHost(field, s string) error {
	if a, err := netip.ParseAddr(s); err == nil && (a.Zone() == "" || zone.MatchString(a.Zone())) {
		return nil
	}
	name := strings.TrimSuffix(s, ".")
	if len(name) > 253 || !hostName.MatchString(name) {
		return Invalidf(field, "%.60q is neither an IP address nor a host name", s)
	}
	return nil
}

// zone names an interface.
var zone = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,15}$`)

// hostName takes underscores too: many an internal name has them.
var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$`)

// CheckTags checks the number, the names and the values of tags.
func CheckTags(tags map[string]string) error {
	if len(tags) > MaxTags {
		return Invalidf("tags", "%d are too many, at most %d", len(tags), MaxTags)
	}
	for k, v := range tags {
		if err := CheckToken("tags", k); err != nil {
			return err
		}
		if err := CheckText("tags."+k, v); err != nil {
			return err
		}
	}
	return nil
}

// CheckEnv checks names and total size of environment variables. Values may
// hold anything but NUL, line breaks included.
func CheckEnv(env map[string]string) error {
	size := 0
	for k, v := range env {
		size += len(k) + len(v) + 2
		if !isEnvName(k) {
			return Invalidf("env", "%.40q is not the name of a variable", k)
		}
		if strings.ContainsRune(v, 0) || !utf8.ValidString(v) {
			return Invalidf("env."+k, "holds a NUL or is not valid UTF-8")
		}
	}
	if size > MaxEnv {
		return Invalidf("env", "%d bytes are too many, at most %d", size, MaxEnv)
	}
	return nil
}

func isEnvName(s string) bool {
	for i, c := range []byte(s) {
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != "" && len(s) <= MaxText
}

// HasTags says whether a thing with the tags have is selected by want: it must
// carry every one of them.
func HasTags(have, want map[string]string) bool {
	for k, v := range want {
		if got, ok := have[k]; !ok || got != v {
			return false
		}
	}
	return true
}

// EncodeConfig makes JSON of a configuration table, nil of an empty one.
func EncodeConfig(config map[string]any) ([]byte, error) {
	if len(config) == 0 {
		return nil, nil
	}
	b, err := json.Marshal(config)
	if err != nil {
		return nil, Invalidf("config", "cannot be sent: %w", err)
	}
	return b, checkConfigSize(b)
}

// DecodeConfig reads what EncodeConfig made. Numbers arrive as float64.
func DecodeConfig(b []byte) (map[string]any, error) {
	if err := checkConfigSize(b); err != nil || len(b) == 0 {
		return nil, err
	}
	var config map[string]any
	if err := json.Unmarshal(b, &config); err != nil {
		return nil, Invalidf("config", "is not a table: %w", err)
	}
	return config, nil
}

// ReadConfig fills the struct at into (json tags name the keys) from a
// configuration table; an unknown key and a value of the wrong type are invalid.
func ReadConfig(config map[string]any, into any) error {
	b, err := EncodeConfig(config)
	if err != nil || b == nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return Invalidf("config", "%w", err)
	}
	return nil
}

func checkConfigSize(b []byte) error {
	if len(b) > MaxConfig {
		return Invalidf("config", "%d bytes are too many, at most %d", len(b), MaxConfig)
	}
	return nil
}
