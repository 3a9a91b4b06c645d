package plugins

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// SecretPrefix begins a value that names a secret instead of holding it.
const SecretPrefix = "secret:"

// What Check finds wrong with a key and not with its value, for errors.Is.
var (
	ErrNoSuchKey = errors.New("there is no such key")
	ErrMissing   = errors.New("is missing")
)

// maxUnknown is how many unknown keys of a table are told.
const maxUnknown = 20

// Check holds a table against the schema. It gives the table with the defaults
// filled in, and everything that is wrong with it as invalid errors. Their fields
// are the paths of the keys, such as "config.disk[2].size": the first is given,
// elements are counted from 1, keys other than of a-z, 0-9, - and _ are quoted.
// The table may come from TOML or JSON. No error shows the value of a secret.
func (s Schema) Check(path string, table map[string]any) (map[string]any, []*Error) {
	if s == nil {
		return table, nil
	}
	full := map[string]any{}
	var errs []*Error
	for _, key := range slices.Sorted(maps.Keys(table)) {
		if !s.has(key) && len(errs) < maxUnknown {
			errs = append(errs, invalid(joinPath(path, key), "%w%s", ErrNoSuchKey, s.nearest(key)))
		}
	}
	for _, f := range s {
		v, there := table[f.Name]
		switch {
		case there:
			checked, wrong := f.check(joinPath(path, f.Name), v)
			full[f.Name], errs = checked, append(errs, wrong...)
		case f.Required:
			errs = append(errs, invalid(joinPath(path, f.Name), "%w", ErrMissing))
		case f.Default != nil:
			full[f.Name], _ = f.check(f.Name, f.Default) // as if it were written; a copy where it matters
		}
	}
	return full, errs
}

// Decode reads what EncodeConfig made and Check found right; the first error
// counts. A provider's kind calls it for every table that comes in.
func (s Schema) Decode(path string, b []byte) (map[string]any, error) {
	config, err := DecodeConfig(b)
	if err != nil {
		return nil, err
	}
	full, errs := s.Check(path, config)
	if len(errs) > 0 {
		return nil, errs[0]
	}
	return full, nil
}

func invalid(path, format string, args ...any) *Error {
	return &Error{Code: Invalid, Field: path, Err: fmt.Errorf(format, args...)}
}

// joinPath is the path of a key of the table at path.
func joinPath(path, key string) string {
	if len(key) > 64 {
		key = strconv.Quote(key[:60] + "…")
	} else if strings.Trim(key, bareKey) != "" || key == "" {
		key = strconv.Quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

const bareKey = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

// elementPath is the path of an element of the list at path.
func elementPath(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i+1) }

func (s Schema) has(key string) bool {
	return slices.ContainsFunc(s, func(f Field) bool { return f.Name == key })
}

// nearest names the key that was probably meant, or those there are.
func (s Schema) nearest(key string) string {
	best, least := "", max(1, min(len(key)/3, 3))+1
	names := make([]string, 0, len(s))
	for _, f := range s {
		names = append(names, f.Name)
		if d := distance(key, f.Name); d < least {
			best, least = f.Name, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("; did you mean %s?", best)
	case len(names) == 0:
		return "; the provider takes none"
	case len(names) <= 12:
		return "; there are " + strings.Join(names, ", ")
	}
	return ""
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that make a of b.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return math.MaxInt
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			same := last[j]
			if a[i] != b[j] {
				same++
			}
			row[j+1] = min(same, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// check holds a value against the field and gives it in the form that providers see.
func (f Field) check(path string, v any) (any, []*Error) {
	switch f.kind() {
	case TypeInteger, TypeNumber:
		return f.checkNumber(path, v)
	case TypeBoolean:
		if _, ok := v.(bool); !ok {
			return nil, f.wrongType(path, v)
		}
		return v, nil
	case TypeList:
		return f.checkList(path, v)
	case TypeTable:
		table, ok := v.(map[string]any)
		if !ok {
			return nil, f.wrongType(path, v)
		}
		if len(f.Fields) == 0 {
			return table, nil
		}
		return one(f.Fields.Check(path, table))
	case TypeMap:
		return f.checkMap(path, v)
	}
	return f.checkString(path, v)
}

func one(table map[string]any, errs []*Error) (any, []*Error) { return table, errs }

func (f Field) checkString(path string, v any) (any, []*Error) {
	s, ok := v.(string)
	switch {
	case !ok:
		return nil, f.wrongType(path, v)
	case f.Secret && strings.HasPrefix(s, SecretPrefix):
		return s, nil
	case f.kind() == TypeDuration:
		if _, err := time.ParseDuration(s); err != nil {
			return nil, []*Error{invalid(path, `%.60q is no duration: write "90s" or "1h30m"`, s)}
		}
	case len(f.OneOf) > 0 && !f.Secret && !slices.Contains(f.OneOf, s):
		return nil, []*Error{invalid(path, "%.60q is not one of %s", s, strings.Join(f.OneOf, ", "))}
	}
	length := utf8.RuneCountInString(s)
	if wrong := f.outside(float64(length)); f.kind() == TypeString && wrong != "" {
		return nil, []*Error{invalid(path, "has %d characters, want %s", length, wrong)}
	}
	return s, nil
}

func (f Field) checkNumber(path string, v any) (any, []*Error) {
	n, ok := number(v)
	switch {
	case !ok, math.IsNaN(n), math.IsInf(n, 0), f.kind() == TypeInteger && n != math.Trunc(n):
		return nil, f.wrongType(path, v)
	case f.kind() == TypeInteger && math.Abs(n) >= 1<<53:
		return nil, []*Error{invalid(path, "is too large a number")}
	}
	if wrong := f.outside(n); wrong != "" {
		return nil, []*Error{invalid(path, "is %v, want %s", n, wrong)}
	}
	return n, nil
}

// number takes what TOML and JSON make of numbers.
func number(v any) (float64, bool) {
	switch n := v.(type) {
	case float64:
		return n, true
	case int64:
		return float64(n), true
	case int:
		return float64(n), true
	case json.Number:
		f, err := n.Float64()
		return f, err == nil
	}
	return 0, false
}

// outside says what is wanted of a number that is out of bounds.
func (f Field) outside(n float64) string {
	switch {
	case f.Min != nil && n < *f.Min:
		return fmt.Sprintf("at least %v", *f.Min)
	case f.Max != nil && n > *f.Max:
		return fmt.Sprintf("at most %v", *f.Max)
	}
	return ""
}

func (f Field) checkList(path string, v any) (any, []*Error) {
	list, ok := elements(v)
	if !ok {
		return nil, f.wrongType(path, v)
	}
	if wrong := f.outside(float64(len(list))); wrong != "" {
		return nil, []*Error{invalid(path, "has %d elements, want %s", len(list), wrong)}
	}
	checked := make([]any, 0, len(list))
	var errs []*Error
	for i, v := range list {
		c, wrong := f.element().check(elementPath(path, i), v)
		checked, errs = append(checked, c), append(errs, wrong...)
	}
	return checked, errs
}

// elements takes what TOML, JSON and Go programs make of lists.
func elements(v any) ([]any, bool) {
	switch list := v.(type) {
	case []any:
		return list, true
	case []map[string]any:
		all := make([]any, 0, len(list))
		for _, t := range list {
			all = append(all, t)
		}
		return all, true
	case []string:
		all := make([]any, 0, len(list))
		for _, s := range list {
			all = append(all, s)
		}
		return all, true
	}
	return nil, false
}

func (f Field) checkMap(path string, v any) (any, []*Error) {
	table, ok := v.(map[string]any)
	if !ok {
		return nil, f.wrongType(path, v)
	}
	checked := map[string]any{}
	var errs []*Error
	for _, key := range slices.Sorted(maps.Keys(table)) {
		c, wrong := f.element().check(joinPath(path, key), table[key])
		checked[key], errs = c, append(errs, wrong...)
	}
	return checked, errs
}

func (f Field) wrongType(path string, v any) []*Error {
	return []*Error{invalid(path, "is %s, want %s", describe(v), article(f.kind()))}
}

// describe names the type of a value, never the value: it may be a secret.
func describe(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case map[string]any:
		return "a table"
	case time.Time:
		return "a date or time"
	}
	if _, ok := elements(v); ok {
		return "a list"
	}
	switch n, ok := number(v); {
	case !ok:
		return fmt.Sprintf("a %T", v)
	case math.IsNaN(n) || math.IsInf(n, 0):
		return "no finite number"
	case n != math.Trunc(n):
		return "a number with a fraction"
	}
	return "a number"
}

func article(t Type) string {
	switch t {
	case TypeInteger:
		return "a whole number"
	case TypeDuration:
		return `a duration as a string, such as "90s"`
	case TypeMap:
		return "a table"
	}
	return "a " + string(t)
}

// Duration is a time.Duration that ReadConfig reads from a string such as "90s".
type Duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}
