package main

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/wright-build/wright/plugins"
)

const iterations = 4096 // as PostgreSQL itself

// verifier gives what PostgreSQL stores of a password (RFC 5802, RFC 7677), so
// that the password itself is never in a statement.
func verifier(password string) (string, error) {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // it never fails
	return verifierWith(password, salt)
}

func verifierWith(password string, salt []byte) (string, error) {
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("derive a verifier: %w", err)
	}
	stored := sha256.Sum256(keyed(salted, "Client Key"))
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, b64(salt), b64(stored[:]), b64(keyed(salted, "Server Key"))), nil
}

func keyed(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// checkPassword refuses what SASLprep (RFC 4013) would change: programs would send
// another password than the one that was stored.
func checkPassword(password string) error {
	if !norm.NFKC.IsNormalString(password) {
		return plugins.Invalidf("password", "holds characters that have more than one form (it is not in NFKC)")
	}
	const softHyphen = '\u1806' // the only sign that is punctuation and that SASLprep leaves out
	for _, c := range password {
		plain := unicode.In(c, unicode.L, unicode.N, unicode.P, unicode.S)
		if c > unicode.MaxASCII && (!plain || c == softHyphen) {
			return plugins.Invalidf("password", "holds a character beyond ASCII that is neither letter, digit, sign nor punctuation")
		}
	}
	return nil
}
