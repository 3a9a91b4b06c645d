// Package seal keeps the passwords of databases at the far side, for providers
// whose server gives no password back: sealed with a key made of the
// administrator's own, so that any agent with the same settings opens them and
// neither a table nor a statement in a log tells one. It stores nothing itself.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/scrypt"
)

// Key seals and opens. It is made once and then used at the same time by many.
type Key struct{ aead cipher.AEAD }

// version is at the beginning of every sealed text.
const version = "1:"

// What scrypt needs: 16 MiB and about 50 ms. Whoever has a sealed text, but not
// the administrator's password, must pay that for each guess.
const cost, blocks, parallel, keySize = 1 << 14, 8, 1, 32

// NewKey makes the key for a secret, such as the administrator's password, and
// what it is used for, such as the name of the service.
func NewKey(secret, use string) (*Key, error) {
	if secret == "" {
		return nil, errors.New("make a key: the secret is empty")
	}
	key, err := scrypt.Key([]byte(secret), []byte("wright database "+use), cost, blocks, parallel, keySize)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return &Key{aead}, nil
}

// Seal gives printable text without quotes and blanks. About is what the text
// belongs to, such as the user: moved elsewhere it does not open.
func (k *Key) Seal(text, about string) string {
	nonce := make([]byte, k.aead.NonceSize())
	_, _ = rand.Read(nonce) // it never fails
	return version + base64.RawURLEncoding.EncodeToString(k.aead.Seal(nonce, nonce, []byte(text), []byte(about)))
}

// ErrClosed is the error of a text that was sealed with another key, as after the
// administrator's password was changed, or is none of ours.
var ErrClosed = errors.New("the stored password was sealed under another password of the administrator, or is damaged")

// Open gives what was sealed.
func (k *Key) Open(sealed, about string) (string, error) {
	text, ok := strings.CutPrefix(sealed, version)
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if !ok || err != nil || len(raw) < k.aead.NonceSize() {
		return "", ErrClosed
	}
	nonce, body := raw[:k.aead.NonceSize()], raw[k.aead.NonceSize():]
	open, err := k.aead.Open(nil, nonce, body, []byte(about))
	if err != nil {
		return "", ErrClosed
	}
	return string(open), nil
}

// Password makes one that nobody has given: 26 characters of A-Z and 2-7, 130 bits.
func Password() string { return rand.Text() }
