package servers

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"
)

// hashed is how many characters of a name are the hash: 80 bits.
const hashed = 16

// Least is the shortest that a name of Name can be.
const Least = len(prefix) + hashed

// prefix is at the beginning of every name, so that a person sees whose it is and
// none is a reserved one such as pg_catalog.
const prefix = "w_"

// Name gives the name that a thing has at a server, of at most most bytes, which
// must be Least or more. It depends on identity alone as far as machines are
// concerned: other identities have other names, however long and whatever is in
// them. The words before the hash are for people. The characters are a-z, 0-9 and _.
func Name(most int, words []string, identity ...string) string {
	hash := Hash(identity...)[:hashed]
	room := most - len(prefix) - len(hash) - 1
	readable := plain(strings.Join(words, "_"))
	readable = strings.Trim(readable[:min(len(readable), max(0, room))], "_")
	if readable != "" {
		readable += "_"
	}
	return prefix + readable + hash
}

// Hash gives 52 characters of a-z and 2-7 that stand for the texts, each with its
// length, so that ("a", "bc") and ("ab", "c") are two.
func Hash(texts ...string) string {
	h := sha256.New()
	for _, t := range texts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(t))))
		h.Write([]byte(t))
	}
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(h.Sum(nil)))
}

// plain keeps a-z and 0-9, with one _ for each run of others.
func plain(s string) string {
	var b strings.Builder
	for _, c := range []byte(strings.ToLower(s)) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			b.WriteByte(c)
		case !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
	}
	return b.String()
}
