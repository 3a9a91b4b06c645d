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
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return json.Unmarshal(data, fact)
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(z, maxFact+1))
	switch {
	case err != nil:
		return err
	case len(text) > maxFact:
		return fmt.Errorf("a fact of more than %d bytes", maxFact)
	}
	return json.Unmarshal(text, fact)
}
