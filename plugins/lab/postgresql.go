package lab

import (
	"cmp"
	"context"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// postgresql is a PostgreSQL server with an administrator.
func postgresql() Lab {
	return Lab{Name: "postgresql", Packages: []string{"postgresql"}, Programs: []string{"pg_ctlcluster"}, start: startPostgreSQL}
}

func startPostgreSQL(ctx context.Context, r *Running) error {
	bin, err := postgresBin()
	if err != nil {
		return err
	}
	o, err := r.postgresUser()
	if err != nil {
		return err
	}
	data, password := filepath.Join(r.Dir, "data"), filepath.Join(r.Dir, "password")
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); err != nil {
		if err := os.WriteFile(password, []byte("lab\n"), 0o644); err != nil {
			return err
		}
		init, err := r.spawn("initdb", o, filepath.Join(bin, "initdb"), "-D", data, "-U", "admin", "-A", "scram-sha-256", "--pwfile="+password,
			"-E", "UTF8", "--locale=C", "--no-sync")
		if err != nil {
			return err
		}
		<-init.exited
		if code := init.cmd.ProcessState.ExitCode(); code != 0 {
			return cmp.Or(init.until(ctx, time.Second, accepts("127.0.0.1:1")), err)
		}
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	o.end = syscall.SIGINT // TERM would wait for the clients
	p, err := r.spawn("postgres", o, filepath.Join(bin, "postgres"), "-D", data, "-c", "listen_addresses=127.0.0.1", "-c", "port="+port,
		"-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
		"-c", "shared_buffers=32MB", "-c", "max_connections=100")
	if err != nil {
		return err
	}
	address := net.JoinHostPort("127.0.0.1", port)
	r.Env = map[string]string{
		"POSTGRES_ADDRESS": address, "POSTGRES_USER": "admin", "POSTGRES_PASSWORD": "lab",
		"POSTGRES_URL": "postgres://admin:lab@" + address + "/postgres?sslmode=disable",
	}
	return p.until(ctx, 30*time.Second, func(ctx context.Context) error {
		_, err := r.run(ctx, filepath.Join(bin, "pg_isready"), "-q", "-h", "127.0.0.1", "-p", port)
		return err
	})
}

// postgresBin is where Debian keeps the programs of the newest version.
func postgresBin() (string, error) {
	all, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(all) == 0 {
		return "", cmp.Or(err, os.ErrNotExist)
	}
	version := func(dir string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
		return n
	}
	return slices.MaxFunc(all, func(a, b string) int { return cmp.Compare(version(a), version(b)) }), nil
}

// postgresUser is who runs the server: it refuses to be run by root. What is
// below the lab's directory becomes his.
func (r *Running) postgresUser() (options, error) {
	if os.Geteuid() != 0 {
		return options{}, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return options{}, err
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := cmp.Or(err1, err2, os.MkdirAll(filepath.Join(r.Dir, "data"), 0o700), passable(r.Dir)); err != nil {
		return options{}, err
	}
	return options{uid: uint32(uid), gid: uint32(gid), dir: "/"}, os.Chown(filepath.Join(r.Dir, "data"), int(uid), int(gid))
}

// passable lets other users through to dir: directories of tests are closed.
func passable(dir string) error {
	for d := dir; d != "/" && d != os.TempDir(); d = filepath.Dir(d) {
		info, err := os.Stat(d)
		if err != nil {
			return err
		}
		if mode := info.Mode().Perm(); mode&0o001 == 0 {
			if err := os.Chmod(d, mode|0o011); err != nil {
				return err
			}
		}
	}
	return nil
}
