package state

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
)

// Facts are JSON; what is bigger than compressFrom, and only long watch lists
// are, is compressed so that etcd takes it: it refuses more than 1.5 MiB.
const (
	compressFrom = 16 << 10
	maxFact      = 64 << 20 // bytes of JSON, when read
)

// Encode writes a fact as the store keeps it.
func Encode(fact any) ([]byte, error) {
	text, err := json.Marshal(fact)
	if err != nil || len(text) < compressFrom {
		return text, err
	}
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(text); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// Decode reads what Encode wrote.
func Decode(data []byte, fact any) error {
	text, err := Plain(data)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, fact)
}

// Plain is the JSON of what Encode wrote.
func Plain(data []byte) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(z, maxFact+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxFact:
		return nil, fmt.Errorf("a fact of more than %d bytes", maxFact)
	}
	return text, nil
}
