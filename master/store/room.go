package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"syscall"
	"time"
)

// ErrNoRoom means that nothing was written, since the disk has no room for more
// than etcd itself needs.
var ErrNoRoom = errors.New("the disk of the master's data is full")

// spared is how much of its disk, in bytes, is left to an embedded etcd: one that
// cannot write ends the process. It begins files of 64 MB, and lets its database
// grow by 16.
const spared = 128 << 20

// Disk is one that an embedded etcd is on.
type Disk struct {
	dir  string
	log  *slog.Logger
	full atomic.Bool // when it was looked at last
}

// NewDisk is the disk that a directory is on.
func NewDisk(dir string, log *slog.Logger) *Disk { return &Disk{dir: dir, log: log} }

// Room returns ErrNoRoom if nothing is to be written there. What was full is so
// until there is somewhat more room. Looking costs a microsecond.
func (d *Disk) Room() error {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(d.dir, &fs); err != nil {
		return nil // nobody can tell
	}
	free := int64(fs.Bavail * uint64(fs.Bsize))
	was := d.full.Load()
	need := int64(spared)
	if was {
		need += spared / 8
	}
	full := free < need
	if full != was && d.full.CompareAndSwap(was, full) {
		d.tell(full, free, need)
	}
	if full {
		return fmt.Errorf("%w: %d MiB are free, and %d MiB must be", ErrNoRoom, free>>20, need>>20)
	}
	return nil
}

func (d *Disk) tell(full bool, free, need int64) {
	if full {
		d.log.Error("the disk of the master's data is full: nothing is written until there is room; steps run on, and nothing is lost",
			"dir", d.dir, "free_mib", free>>20, "need_mib", need>>20)
		return
	}
	d.log.Info("the disk of the master's data has room again", "dir", d.dir, "free_mib", free>>20)
}

// Await waits until there is room.
func (d *Disk) Await(ctx context.Context) error {
	for d.Room() != nil && ctx.Err() == nil {
		pause(ctx, time.Second)
	}
	return ctx.Err()
}

// LeaveRoom has nothing written that would leave an embedded etcd without room.
func (s *Store) LeaveRoom(d *Disk) { s.disk = d }

// Room is why nothing can be written, nil if it can.
func (s *Store) Room() error {
	if s.disk == nil {
		return nil
	}
	return s.disk.Room()
}
