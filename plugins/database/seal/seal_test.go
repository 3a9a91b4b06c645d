package seal

import (
	"errors"
	"strings"
	"testing"
)

func key(t testing.TB, secret, use string) *Key {
	t.Helper()
	k, err := NewKey(secret, use)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSealed(t *testing.T) {
	k := key(t, "admin", "postgresql")
	for _, text := range []string{"", "secret", "ü/@:?#%20+ é", strings.Repeat("x", 1024)} {
		sealed := k.Seal(text, "user")
		if text != "" && strings.Contains(sealed, text) || strings.ContainsAny(sealed, "'\"\\ `") {
			t.Errorf("%q is sealed as %q", text, sealed)
		}
		if again := k.Seal(text, "user"); again == sealed {
			t.Errorf("%q is sealed twice alike", text)
		}
		if got, err := key(t, "admin", "postgresql").Open(sealed, "user"); got != text || err != nil {
			t.Errorf("opened: %q, %v; want %q", got, err, text)
		}
	}
}

func TestClosed(t *testing.T) {
	k := key(t, "admin", "postgresql")
	sealed := k.Seal("secret", "user")
	for name, open := range map[string]func() (string, error){
		"another administrator": func() (string, error) { return key(t, "other", "postgresql").Open(sealed, "user") },
		"another use":           func() (string, error) { return key(t, "admin", "mysql").Open(sealed, "user") },
		"another user":          func() (string, error) { return k.Open(sealed, "other") },
		"cut":                   func() (string, error) { return k.Open(sealed[:len(sealed)-4], "user") },
		"changed":               func() (string, error) { return k.Open(sealed[:9]+"AAAA"+sealed[13:], "user") },
		"empty":                 func() (string, error) { return k.Open("", "user") },
		"no version":            func() (string, error) { return k.Open(strings.TrimPrefix(sealed, version), "user") },
	} {
		if got, err := open(); !errors.Is(err, ErrClosed) || got != "" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := NewKey("", "x"); err == nil {
		t.Error("an empty secret makes a key")
	}
}

func FuzzOpen(f *testing.F) {
	k := key(f, "admin", "x")
	f.Add("1:")
	f.Add("1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, sealed string) {
		if got, err := k.Open(sealed, "user"); err == nil {
			t.Errorf("%q opens and gives %q", sealed, got)
		}
	})
}

func TestPassword(t *testing.T) {
	if a, b := Password(), Password(); a == b || len(a) != 26 {
		t.Errorf("%s, %s", a, b)
	}
}
