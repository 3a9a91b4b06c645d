package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/wright-build/wright/master/api/client"
)

// maxSmall bounds the small files that are read here, in bytes.
const maxSmall = 64 << 10

// place is where a master is: what wright dev leaves in its file.
type place struct {
	Address string `json:"address"`
	Token   string `json:"token"`
}

// client finds the master and makes a client of it.
func (a *app) client() (*client.Client, error) {
	at, err := a.master()
	if err != nil {
		return nil, err
	}
	c, err := client.New(at.Address, at.Token)
	if err != nil {
		return nil, &usageError{"the address from " + a.from + " is not one of a master", err.Error() + ", such as http://127.0.0.1:8080"}
	}
	return c, nil
}

// master finds the master: by flag, by environment, by the file of wright dev.
func (a *app) master() (at place, err error) {
	if at, err = a.place(); err != nil {
		return at, err
	}
	if a.tokenFile != "" {
		at.Token, err = readToken(a.tokenFile)
		return at, err
	}
	at.Token = cmp.Or(os.Getenv("WRIGHT_TOKEN"), at.Token)
	return at, nil
}

func (a *app) place() (place, error) {
	if a.address != "" {
		a.from = "--address"
		return place{Address: a.address}, nil
	}
	if address := os.Getenv("WRIGHT_ADDRESS"); address != "" {
		a.from = "WRIGHT_ADDRESS"
		return place{Address: address}, nil
	}
	file, err := devFile()
	if err != nil {
		return place{}, err
	}
	text, err := readSmall(file)
	if err != nil {
		return place{}, fmt.Errorf("%w: no address is given, and no wright dev runs here", client.ErrUnreachable)
	}
	a.from = file
	var at place
	if err := json.Unmarshal(text, &at); err != nil || at.Address == "" {
		return place{}, fmt.Errorf("%w: %s does not hold an address", client.ErrUnreachable, file)
	}
	return at, nil
}

// awayHint says what to do when no master answers.
func (a *app) awayHint() string {
	switch a.from {
	case "":
		return "start one with wright dev, or name it with --address or WRIGHT_ADDRESS"
	case "--address", "WRIGHT_ADDRESS":
		return "the address is from " + a.from + ": is it right, and does the master run?"
	}
	return "the address is from " + a.from + ", of a wright dev that runs no more: start it again, or name a master with --address"
}

// stateDir is where Wright keeps what belongs to this user on this machine.
func stateDir() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "wright"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find the home directory: %w", err)
	}
	return filepath.Join(home, ".local", "state", "wright"), nil
}

// devFile is where wright dev says where it is.
func devFile() (string, error) {
	dir, err := stateDir()
	return filepath.Join(dir, "dev.json"), err
}

func readToken(file string) (string, error) { return readSecretLine("token", file) }

// readSecretLine reads a file that holds one line with a secret.
func readSecretLine(what, file string) (string, error) {
	text, err := readSmall(file)
	if err != nil {
		return "", fmt.Errorf("read the %s: %w", what, err)
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" || strings.ContainsAny(secret, "\r\n\x00 ") {
		return "", fmt.Errorf("read the %[1]s: %[2]s does not hold one line with a %[1]s", what, file)
	}
	return secret, nil
}

func readSmall(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSmall+1))
	if err == nil && len(text) > maxSmall {
		err = fmt.Errorf("%s has more than %d bytes", file, maxSmall)
	}
	return bytes.TrimSpace(text), err
}
