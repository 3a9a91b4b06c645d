package main

import (
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/master/store"
)

// etcdFlags say how a cluster of etcd is reached.
type etcdFlags struct {
	cluster      store.Cluster
	passwordFile string
}

func (f *etcdFlags) define(cmd *cobra.Command, endpoints string) {
	flags := cmd.Flags()
	flags.StringSliceVar(&f.cluster.Endpoints, "etcd-endpoints", nil, endpoints)
	flags.StringVar(&f.cluster.CACert, "etcd-cacert", "", "`FILE` with the authorities of the cluster's certificates (default: the system's)")
	flags.StringVar(&f.cluster.Cert, "etcd-cert", "", "`FILE` with the certificate that the cluster wants to see")
	flags.StringVar(&f.cluster.Key, "etcd-key", "", "`FILE` with the key of --etcd-cert")
	flags.StringVar(&f.cluster.User, "etcd-user", "", "`NAME` of the cluster's user, where it has users")
	flags.StringVar(&f.passwordFile, "etcd-password-file", "", "`FILE` with the password of --etcd-user")
	for _, name := range []string{"etcd-cacert", "etcd-cert", "etcd-key", "etcd-password-file"} {
		_ = cmd.MarkFlagFilename(name)
	}
}

// read checks the flags.
func (f *etcdFlags) read() (store.Cluster, error) {
	c := f.cluster
	switch {
	case len(c.Endpoints) == 0 && (c.CACert+c.Cert+c.Key+c.User+f.passwordFile) != "":
		return c, usage("--etcd-endpoints is missing: the etcd inside a master listens nowhere, and needs no certificates and users")
	case (c.Cert == "") != (c.Key == ""):
		return c, usage("--etcd-cert and --etcd-key come together")
	case (c.User == "") != (f.passwordFile == ""):
		return c, usage("--etcd-user and --etcd-password-file come together")
	}
	if err := checkEndpoints(c); err != nil {
		return c, err
	}
	var err error
	if f.passwordFile != "" {
		c.Password, err = readSecretLine("password", f.passwordFile)
	}
	return c, err
}

// checkEndpoints refuses what would go over the wire in clear though it is meant
// not to, and passwords within addresses, which all on the machine could read.
func checkEndpoints(c store.Cluster) error {
	for _, endpoint := range c.Endpoints {
		u, err := url.Parse(endpoint)
		if err == nil && u.User != nil {
			return usage("--etcd-endpoints: an address holds a user or a password; give --etcd-user and --etcd-password-file")
		}
		if secure := strings.HasPrefix(endpoint, "https://") || strings.HasPrefix(endpoint, "unix"); !secure && c.CACert+c.Cert != "" {
			return usage("--etcd-endpoints %s: with certificates, every address begins with https://", endpoint)
		}
	}
	return nil
}
