package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/wright-build/wright/master/backup"
	"github.com/wright-build/wright/master/store"
)

func (a *app) masterRestore() *cobra.Command {
	var to backup.Target
	var identities []string
	var etcd etcdFlags
	cmd := &cobra.Command{
		Use: "restore FILE", Short: "bring a backup back into a new data directory", Args: arguments,
		Long: "Bring a backup back into a data directory that is empty or not there, of which a master then runs. FILE is read to its end,\n" +
			"and nothing is written unless it is whole. With --etcd-endpoints the facts go on into a cluster that has none of Wright.\n" +
			"The old master must not come back: both would believe that they own the same AppServers.",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if to.Identities, err = readIdentities(identities); err != nil {
				return err
			}
			if to.Data, err = filepath.Abs(to.Data); err != nil {
				return fmt.Errorf("find the data directory: %w", err)
			}
			cluster, err := etcd.read()
			if err != nil {
				return err
			}
			file, err := os.Open(args[0])
			if err != nil {
				return fmt.Errorf("open the backup: %w", err)
			}
			defer file.Close()
			done, err := backup.Restore(cmd.Context(), file, to)
			if errors.Is(err, backup.ErrNoIdentity) {
				return &usageError{message: "the key of the secrets is encrypted in " + args[0], hint: "give the file that opens it with --identity, or leave it out with --without-secrets-key: set the secrets anew then"}
			}
			if err != nil {
				return err
			}
			if len(cluster.Endpoints) > 0 {
				if err := a.move(cmd, to.Data, cluster); err != nil {
					return fmt.Errorf("%s is restored, but not its facts into the cluster (try `wright master move-to-cluster`): %w", to.Data, err)
				}
			}
			return a.print(done, table{rows: [][]string{
				{"data", to.Data}, {"installation", done.Installation}, {"created", done.CreatedAt.Format(time.RFC3339)},
				{"instances", fmt.Sprint(done.Instances)}, {"queued builds", fmt.Sprint(done.Requeued)}, {"files", fmt.Sprint(done.Files)},
				{"output", yesNo(done.Output)}, {"key of the secrets", done.Key},
			}})
		},
	}
	f := cmd.Flags()
	f.StringVar(&to.Data, "data", "wright-data", "`DIR` for everything that is brought back; empty, or not there")
	f.StringArrayVar(&identities, "identity", nil, "`FILE` with the identity of age that opens the key of the secrets; may be repeated")
	f.BoolVar(&to.WithoutKey, "without-secrets-key", false, "leave the key of the secrets out if it is encrypted")
	etcd.define(cmd, "`URLs` of an etcd cluster for the facts (default: embedded)")
	_ = cmd.MarkFlagDirname("data")
	_ = cmd.MarkFlagFilename("identity")
	return cmd
}

// readIdentities reads files with identities of age.
func readIdentities(files []string) (all []age.Identity, err error) {
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read the identity: %w", err)
		}
		found, err := age.ParseIdentities(strings.NewReader(string(text)))
		if err != nil { // it might repeat a line
			return nil, fmt.Errorf("there is no identity of age in %s, or a bad one", name)
		}
		all = append(all, found...)
	}
	return all, nil
}

func (a *app) masterMove() *cobra.Command {
	var data string
	var etcd etcdFlags
	cmd := &cobra.Command{
		Use: "move-to-cluster", Short: "move the facts of a stopped master from its etcd into a cluster", Args: arguments,
		Long: "Move the facts of a stopped master from its embedded etcd into a cluster that has none of Wright. All else stays in the data\n" +
			"directory. Start the master with the same --etcd-endpoints afterwards. What fails leaves both as they were.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cluster, err := etcd.read()
			if err == nil && len(cluster.Endpoints) == 0 {
				err = usage("%s: --etcd-endpoints is missing", cmd.CommandPath())
			}
			if err != nil {
				return err
			}
			return a.move(cmd, data, cluster)
		},
	}
	cmd.Flags().StringVar(&data, "data", "wright-data", "`DIR` of the master")
	etcd.define(cmd, "`URLs` of the cluster")
	_ = cmd.MarkFlagDirname("data")
	return cmd
}

// move moves the facts of a data directory into a cluster, and says so.
func (a *app) move(cmd *cobra.Command, data string, to store.Cluster) error {
	cluster, err := store.Dial(cmd.Context(), to, a.logger())
	if err != nil {
		return err
	}
	defer cluster.Close()
	moved, err := backup.Move(cmd.Context(), data, cluster)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "%d facts are in the cluster: start masters with --etcd-endpoints %s\n", moved.Facts, strings.Join(to.Endpoints, ","))
	return nil
}
