package lab

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"time"
)

// redis is a Redis server whose users are kept in a file of access rules.
func redis() Lab {
	return Lab{Name: "redis", Packages: []string{"redis-server"}, Programs: []string{"redis-server"}, start: startRedis}
}

func startRedis(ctx context.Context, r *Running) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	users, _, err := r.fileOnce("users.acl", func() string { return "user default off\nuser admin on >lab ~* &* +@all\n" })
	if err != nil {
		return err
	}
	conf, err := r.file("redis.conf", fmt.Sprintf("bind 127.0.0.1\nport %s\ndir %s\naclfile %s\npidfile %s\ndatabases 64\nsave \"\"\nappendonly no\n",
		port, r.Dir, users, filepath.Join(r.Dir, "own.pid")))
	if err != nil {
		return err
	}
	p, err := r.spawn("redis", options{}, program("redis-server"), conf)
	if err != nil {
		return err
	}
	address := net.JoinHostPort("127.0.0.1", port)
	r.Env = map[string]string{"REDIS_ADDRESS": address, "REDIS_USER": "admin", "REDIS_PASSWORD": "lab"}
	return p.until(ctx, 10*time.Second, accepts(address))
}
