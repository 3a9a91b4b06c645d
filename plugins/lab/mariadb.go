package lab

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"time"
)

// mariadb is a MariaDB server with an administrator.
func mariadb() Lab {
	return Lab{
		Name: "mariadb", Packages: []string{"mariadb-server"},
		Programs: []string{"mariadbd", "mariadb-install-db", "mariadb"}, start: startMariaDB,
	}
}

func startMariaDB(ctx context.Context, r *Running) error {
	me, err := user.Current()
	if err != nil {
		return err
	}
	data, socket := filepath.Join(r.Dir, "data"), filepath.Join(r.Dir, "mysql.sock")
	temp := filepath.Join(r.Dir, "tmp") // a server that starts removes what others have in a directory that they share
	if err := os.MkdirAll(temp, 0o700); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(data, "mysql")); err != nil {
		// Without --skip-test-db there are nameless users, who come before ours.
		_, err := r.run(ctx, program("mariadb-install-db"), "--no-defaults", "--user="+me.Username, "--datadir="+data, "--tmpdir="+temp,
			"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve", "--innodb-log-file-size=8M")
		if err != nil {
			return err
		}
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	p, err := r.spawn("mariadbd", options{}, program("mariadbd"), "--no-defaults", "--user="+me.Username, "--datadir="+data, "--tmpdir="+temp, "--socket="+socket,
		"--pid-file="+filepath.Join(r.Dir, "own.pid"), "--bind-address=127.0.0.1", "--port="+port, "--skip-name-resolve", "--skip-log-bin",
		"--performance-schema=off", "--innodb-log-file-size=8M", "--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=0", "--max-connections=500")
	if err != nil {
		return err
	}
	r.Env = map[string]string{"MYSQL_ADDRESS": net.JoinHostPort("127.0.0.1", port), "MYSQL_USER": "admin", "MYSQL_PASSWORD": "lab"}
	return p.until(ctx, 30*time.Second, func(ctx context.Context) error {
		const admin = "CREATE USER IF NOT EXISTS 'admin'@'%' IDENTIFIED BY 'lab'; GRANT ALL ON *.* TO 'admin'@'%' WITH GRANT OPTION;"
		if _, err := r.run(ctx, program("mariadb"), "--no-defaults", "--socket="+socket, "-uroot", "-e", admin); err != nil {
			return fmt.Errorf("make the administrator: %w", err)
		}
		return nil
	})
}
