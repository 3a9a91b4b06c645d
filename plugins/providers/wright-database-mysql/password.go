package main

import (
	"context"
	"crypto/sha1"
	"database/sql"
	"encoding/hex"
	"strings"
)

// identification is how a statement gives a user its password. MariaDB takes what
// it would store. MySQL of today stores another thing, and gets the password; it
// is known to strike passwords out of its logs.
func identification(ctx context.Context, c *sql.Conn, password string) (string, error) {
	var version string
	if err := c.QueryRowContext(ctx, "SELECT VERSION()").Scan(&version); err != nil {
		return "", err
	}
	if strings.Contains(version, "MariaDB") {
		return "IDENTIFIED BY PASSWORD '" + stored(password) + "'", nil
	}
	return "IDENTIFIED WITH caching_sha2_password BY " + literal(password), nil
}

// stored is what mysql_native_password keeps of a password.
func stored(password string) string {
	first := sha1.Sum([]byte(password))
	second := sha1.Sum(first[:])
	return "*" + strings.ToUpper(hex.EncodeToString(second[:]))
}

// literal is text as a statement has it under sqlMode.
func literal(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\x00", `\0`).Replace(text) + "'"
}
