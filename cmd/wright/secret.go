package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/wright-build/wright/master/api/view"
)

// maxSecret is more than a master keeps, in bytes.
const maxSecret = 64 << 10

func (a *app) secret() *cobra.Command {
	return group("secret", "what a configuration or a manifest names as secret:NAME", a.secretSet(), a.secretList(), a.secretDelete())
}

func (a *app) secretSet() *cobra.Command {
	var file string
	var instances []string
	cmd := &cobra.Command{
		Use: "set NAME", Short: "keep a secret, read from stdin or a file",
		Long: "Keep a secret, read from stdin or a file. The master's configuration may name it as secret:NAME; manifests may, in the env of\n" +
			"steps and in providers' tables, if --instance says for which instances it is. Setting it again leaves that as it is.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 { // what is too much is the secret, probably
				return usage("%s takes a name only: give the secret through stdin or --file", cmd.CommandPath())
			}
			return arguments(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			value, err := a.readSecret(file)
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			s, err := c.SetSecret(cmd.Context(), args[0], string(value), instances)
			if err != nil {
				return err
			}
			return a.oneSecret(s, "the master keeps it; name it as secret:"+s.Name)
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "`FILE` that holds it (default: stdin)")
	cmd.Flags().StringArrayVar(&instances, "instance", nil, "its manifest may name the secret: `NAME` or pattern such as \"shop-*\"; may be repeated")
	_ = cmd.MarkFlagFilename("file")
	return cmd
}

// readSecret reads a secret; never from the command line, which others see.
func (a *app) readSecret(file string) (value []byte, err error) {
	in := os.Stdin
	if file != "" {
		if in, err = os.Open(file); err != nil {
			return nil, fmt.Errorf("read the secret: %w", err)
		}
		defer in.Close()
	}
	if term.IsTerminal(int(in.Fd())) {
		fmt.Fprint(a.stderr, "secret: ")
		value, err = term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(a.stderr)
	} else {
		value, err = io.ReadAll(io.LimitReader(in, maxSecret+1))
	}
	if err != nil {
		return nil, fmt.Errorf("read the secret: %w", err)
	}
	if len(value) > maxSecret {
		return nil, errors.New("the secret is too long")
	}
	return value, nil
}

func (a *app) oneSecret(s view.Secret, done string) error {
	if a.format == "json" {
		return a.printJSON(s)
	}
	fmt.Fprintln(a.stderr, done)
	return nil
}

func (a *app) secretList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "list the secrets that the master keeps: their names", Args: arguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			all, err := c.Secrets(cmd.Context())
			if err != nil {
				return err
			}
			t := table{head: []string{"SECRET", "FOR INSTANCES", "CREATED"}, empty: "no secrets are kept"}
			for _, s := range all {
				t.row(s.Name, strings.Join(s.Instances, ", "), ago(s.CreatedAt))
			}
			return a.print(all, t)
		},
	}
}

func (a *app) secretDelete() *cobra.Command {
	return &cobra.Command{
		Use: "delete NAME", Short: "forget a secret", Args: arguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if err := c.DeleteSecret(cmd.Context(), args[0]); err != nil {
				return err
			}
			return a.oneSecret(view.Secret{Name: args[0]}, "the master has forgotten it")
		},
	}
}
