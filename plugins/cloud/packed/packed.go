// Package packed writes what a cloud provider has to remember of a server as a
// short text of plain letters, for clouds that keep nothing but labels with it. It
// does not know where the text is kept, nor what it says.
package packed

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

const maxUnpacked = 1 << 20 // bytes

// Pack makes a text of letters, digits, "-" and "_" of a record that JSON can hold.
func Pack(record any) (string, error) {
	text, err := json.Marshal(record)
	if err != nil {
		return "", fmt.Errorf("pack the record: %w", err)
	}
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err == nil {
		_, err = w.Write(text)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return "", fmt.Errorf("pack the record: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b.Bytes()), nil
}

// Unpack reads what Pack made. Anybody with access to the cloud may have changed
// it: what is in the record is to be checked, and of a bomb no more than 1 MiB is
// unpacked.
func Unpack(text string, record any) error {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return fmt.Errorf("it is no record: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(b)), maxUnpacked))
	if err != nil {
		return fmt.Errorf("it is no record: %w", err)
	}
	if err := json.Unmarshal(plain, record); err != nil {
		return fmt.Errorf("it is no record: %w", err)
	}
	return nil
}
