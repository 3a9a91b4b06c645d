package hetzner

import (
	"fmt"
	"regexp"
	"strings"
)

// [O] "Labels": what keys and values are.
var (
	labelName   = regexp.MustCompile(`^[a-z0-9A-Z]([a-z0-9A-Z._-]{0,61}[a-z0-9A-Z])?$`)
	labelPrefix = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)
	labelValue  = regexp.MustCompile(`^([a-z0-9A-Z]([a-z0-9A-Z._-]{0,61}[a-z0-9A-Z])?)?$`)
)

func refuseLabels(labels map[string]string) string {
	for key, value := range labels {
		name := key
		if prefix, rest, ok := strings.Cut(key, "/"); ok {
			if name = rest; !labelPrefix.MatchString(prefix) || prefix == "hetzner.cloud" {
				return fmt.Sprintf("invalid prefix of the key %q", key)
			}
		}
		if !labelName.MatchString(name) {
			return fmt.Sprintf("invalid key %q", key)
		}
		if !labelValue.MatchString(value) {
			return fmt.Sprintf("invalid value %q", value)
		}
	}
	return ""
}

// selector is [O] "Label selector", as far as it is equality.
type selector map[string]string

func parseSelector(text string) (selector, error) {
	s := selector{}
	if text == "" {
		return s, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		key, value, ok := strings.Cut(part, "==")
		if !ok {
			key, value, ok = strings.Cut(part, "=")
		}
		if !ok || refuseLabels(map[string]string{key: value}) != "" {
			return nil, fmt.Errorf("%q is no selector", part)
		}
		s[key] = value
	}
	return s, nil
}

func (s selector) matches(labels map[string]string) bool {
	for key, value := range s {
		if got, ok := labels[key]; !ok || got != value {
			return false
		}
	}
	return true
}
