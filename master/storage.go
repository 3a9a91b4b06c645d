package master

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/wright-build/wright/master/artifacts"
	"github.com/wright-build/wright/master/bucket"
	"github.com/wright-build/wright/master/logs"
)

// openStorage opens where output and artifacts are kept: under the master's data,
// and what is finished in a bucket too, if the operator names one.
func openStorage(ctx context.Context, cfg Config, installation string) (*logs.Logs, *artifacts.Store, error) {
	output, err := logs.Open(filepath.Join(cfg.Data, "logs"))
	if err != nil {
		return nil, nil, err
	}
	kept := artifacts.Open(filepath.Join(cfg.Data, "artifacts"))
	if cfg.Settings.Storage == "" {
		return output, kept, nil
	}
	b, err := bucket.Open(ctx, cfg.Settings.Storage, installation)
	if err != nil {
		return nil, nil, err
	}
	output.Use(b)
	kept.Use(b)
	return output, kept, nil
}

// copiesEvery is how often copies are looked through.
const copiesEvery = time.Hour

// removeCopies removes, until ctx ends, what is here of builds that the master which
// leads has removed from the bucket.
func removeCopies(ctx context.Context, output *logs.Logs, kept *artifacts.Store, log *slog.Logger) error {
	tick := time.NewTicker(copiesEvery)
	defer tick.Stop()
	for {
		if err := copiesOnce(ctx, output, kept); err != nil && ctx.Err() == nil {
			log.Warn("removing copies of output that is kept no more; trying again in an hour", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func copiesOnce(ctx context.Context, output *logs.Logs, kept *artifacts.Store) error {
	instances, err := output.Instances()
	for _, instance := range instances {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		builds, bad := output.Everywhere().Outlived(instance)
		err = errors.Join(err, bad)
		for _, build := range builds {
			err = errors.Join(err, kept.RemoveCopies(instance, build), output.Remove(instance, build))
		}
	}
	return err
}
