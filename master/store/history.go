package store

import (
	"context"
	"errors"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/wright-build/wright/master/state"
)

// ErrNotFound means that there is no such fact, neither live nor in history.
var ErrNotFound = errors.New("not found")

// Build returns a build, live or finished.
func (s *Store) Build(ctx context.Context, id state.BuildID) (*state.Build, error) {
	var b *state.Build
	s.Read(func(f *state.Facts) { b = f.Builds[id.String()] })
	if b != nil {
		return b, nil
	}
	b = new(state.Build)
	for _, kind := range []state.Kind{state.KindDone, state.KindBuild} {
		found, err := s.get(ctx, state.Key{Kind: kind, Name: state.BuildName(id)}, b)
		if found || err != nil {
			return b, err
		}
	}
	return nil, fmt.Errorf("build %s: %w", id, ErrNotFound)
}

// GoneAppServer returns an AppServer that was terminated.
func (s *Store) GoneAppServer(ctx context.Context, id string) (*state.AppServer, error) {
	a := new(state.AppServer)
	found, err := s.get(ctx, state.Key{Kind: state.KindGone, Name: state.GoneName(id)}, a)
	if err == nil && !found {
		err = fmt.Errorf("AppServer %s: %w", id, ErrNotFound)
	}
	return a, err
}

// Finished returns an instance's finished builds, the newest first, at most
// limit of them and only those with a number below before (0: all).
func (s *Store) Finished(ctx context.Context, instance string, before int64, limit int) ([]*state.Build, error) {
	prefix := root + string(state.KindDone) + "/" + instance + "/"
	end := clientv3.GetPrefixRangeEnd(prefix)
	if before > 0 {
		end = root + state.Key{Kind: state.KindDone, Name: state.BuildName(state.BuildID{Instance: instance, Number: before})}.String()
	}
	resp, err := s.cli.Get(ctx, prefix, clientv3.WithRange(end), clientv3.WithLimit(int64(limit)),
		clientv3.WithSort(clientv3.SortByKey, clientv3.SortDescend))
	if err != nil {
		return nil, fmt.Errorf("read finished builds of %s: %w", instance, err)
	}
	return decodeAll[state.Build](resp)
}

// Gone returns terminated AppServers of an instance, in the order of their IDs.
func (s *Store) Gone(ctx context.Context, instance string, limit int) ([]*state.AppServer, error) {
	resp, err := s.cli.Get(ctx, root+string(state.KindGone)+"/"+instance+"/", clientv3.WithPrefix(),
		clientv3.WithLimit(int64(limit)), clientv3.WithSort(clientv3.SortByKey, clientv3.SortDescend))
	if err != nil {
		return nil, fmt.Errorf("read terminated AppServers of %s: %w", instance, err)
	}
	return decodeAll[state.AppServer](resp)
}

// Forget deletes the history of an instance. It fails with ErrConflict if the
// instance is in force.
func (s *Store) Forget(ctx context.Context, instance string) error {
	var deletes []clientv3.Op
	for _, kind := range []state.Kind{state.KindDone, state.KindGone} {
		deletes = append(deletes, clientv3.OpDelete(root+string(kind)+"/"+instance+"/", clientv3.WithPrefix()))
	}
	inForce := root + state.Key{Kind: state.KindInForce, Name: instance}.String()
	resp, err := s.cli.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(inForce), "=", 0)).Then(deletes...).Commit()
	if err == nil && !resp.Succeeded {
		err = ErrConflict
	}
	if err != nil {
		return fmt.Errorf("delete the history of %s: %w", instance, err)
	}
	return nil
}

func decodeAll[T any](resp *clientv3.GetResponse) ([]*T, error) {
	all := make([]*T, 0, len(resp.Kvs))
	for _, kv := range resp.Kvs {
		v := new(T)
		if err := state.Decode(kv.Value, v); err != nil {
			return nil, fmt.Errorf("decode fact %s: %w", kv.Key, err)
		}
		all = append(all, v)
	}
	return all, nil
}

func (s *Store) get(ctx context.Context, k state.Key, v any) (bool, error) {
	resp, err := s.cli.Get(ctx, root+k.String())
	if err != nil {
		return false, fmt.Errorf("read fact %s: %w", k, err)
	}
	if len(resp.Kvs) == 0 {
		return false, nil
	}
	if err := state.Decode(resp.Kvs[0].Value, v); err != nil {
		return false, fmt.Errorf("decode fact %s: %w", k, err)
	}
	return true, nil
}

// Installation returns the ID of this installation, making it at the first
// call. Everything that Wright makes outside carries it as a tag.
func (s *Store) Installation(ctx context.Context, fresh string) (string, error) {
	key := root + "installation"
	resp, err := s.cli.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
		Then(clientv3.OpPut(key, fresh)).
		Else(clientv3.OpGet(key)).Commit()
	if err != nil {
		return "", fmt.Errorf("read the installation's ID: %w", err)
	}
	if resp.Succeeded {
		return fresh, nil
	}
	return string(resp.Responses[0].GetResponseRange().Kvs[0].Value), nil
}
