package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/wright-build/wright/plugins"
)

// The exchange in section 3 of RFC 7677: what the client proves and what the server
// signs must fit the verifier.
func TestVerifier(t *testing.T) {
	const message = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096," +
		"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
	decode := func(s string) []byte {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		return b
	}
	got, err := verifierWith("pencil", decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
	if err != nil {
		t.Fatal(err)
	}
	keys, ok := strings.CutPrefix(got, "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$")
	stored, server, _ := strings.Cut(keys, ":")
	if !ok {
		t.Fatal(got)
	}
	if signed := base64.StdEncoding.EncodeToString(keyed(decode(server), message)); signed != "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" {
		t.Errorf("the server signs %s", signed)
	}
	proof, client := decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="), make([]byte, sha256.Size)
	subtle.XORBytes(client, proof, keyed(decode(stored), message))
	if sum := sha256.Sum256(client); base64.StdEncoding.EncodeToString(sum[:]) != stored {
		t.Errorf("the client's proof does not fit %s", got)
	}
	again, _ := verifier("pencil")
	if more, _ := verifier("pencil"); again == more {
		t.Error("two verifiers have the same salt")
	}
}

func TestPasswords(t *testing.T) {
	for _, password := range []string{"", "secret", " $'\"\\", "é", "пароль", "密码", "€+±", strings.Repeat("x", 1024)} {
		if err := checkPassword(password); err != nil {
			t.Errorf("%q: %v", password, err)
		}
	}
	for _, password := range []string{"e\u0301", "\u00a0", "soft\u00adhyphen", "\u1806", "\u200b", "ﬁ", "x\ufe0f", "\u1680", "\ue000"} {
		if err := checkPassword(password); plugins.CodeOf(err) != plugins.Invalid {
			t.Errorf("%q: %v", password, err)
		}
	}
}
