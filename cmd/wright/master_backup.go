package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/backup"
)

// backedUp is what master backup prints.
type backedUp struct {
	backup.Summary
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
}

func (a *app) masterBackup() *cobra.Command {
	var want client.Backup
	cmd := &cobra.Command{
		Use: "backup FILE", Short: "write all that a running master keeps into one file", Args: arguments,
		Long: "Write all that a running master keeps into FILE, a tar compressed with zstd: facts as of one moment, history, output and\n" +
			"artifacts of builds, and the key of the secrets, encrypted for the --recipient. Builds go on meanwhile. The file was read\n" +
			"back and is whole once this ends well. Manifests and the configuration file are not in it.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if want.ClearKey && len(want.Recipients) > 0 {
				return usage("--recipient encrypts the key of the secrets, and --with-secrets-key does not: take one of them")
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			done, err := fetchBackup(cmd.Context(), c, want, args[0])
			if err != nil {
				return err
			}
			return a.print(done, table{rows: [][]string{
				{"file", done.File}, {"sha256", done.SHA256}, {"installation", done.Installation}, {"created", done.CreatedAt.Format(time.RFC3339)},
				{"files", fmt.Sprint(done.Files)}, {"bytes", fmt.Sprint(done.Bytes)},
				{"output", yesNo(done.Output)}, {"key of the secrets", done.Key},
			}})
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&want.Recipients, "recipient", nil, "encrypt the key of the secrets for this `RECIPIENT` of age (age1…, as age-keygen prints); may be repeated")
	f.BoolVar(&want.ClearKey, "with-secrets-key", false, "put the key of the secrets in as it is: who reads the file can read all secrets then")
	f.BoolVar(&want.WithoutOutput, "without-output", false, "leave out what builds printed and kept")
	return cmd
}

// fetchBackup writes an archive beside its place, reads it back, and gives it its
// name only then: never that of another file.
func fetchBackup(ctx context.Context, c *client.Client, want client.Backup, file string) (done backedUp, err error) {
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return done, errors.Join(fmt.Errorf("%s is there already: backups are not overwritten", file), err)
	}
	from, err := c.Backup(ctx, want)
	if err != nil {
		return done, err
	}
	defer from.Close()
	temp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".part-") // 0600
	if err != nil {
		return done, fmt.Errorf("write the backup: %w", err)
	}
	defer func() { _ = errors.Join(temp.Close(), os.Remove(temp.Name())) }()
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(temp, sum), from); err != nil {
		return done, fmt.Errorf("receive the backup: %w; the master's log may say more", err)
	}
	done.File, done.SHA256 = file, fmt.Sprintf("%x", sum.Sum(nil))
	if err := temp.Sync(); err != nil {
		return done, fmt.Errorf("write the backup: %w", err)
	}
	if _, err := temp.Seek(0, io.SeekStart); err != nil {
		return done, fmt.Errorf("read the backup back: %w", err)
	}
	if done.Summary, err = backup.Verify(temp); err != nil {
		return done, fmt.Errorf("read the backup back: %w", err)
	}
	if err := os.Link(temp.Name(), file); err != nil {
		return done, fmt.Errorf("give the backup its name: %w", err)
	}
	return done, nil
}
