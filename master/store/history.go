package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store/past"
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
	if found, err := s.over(state.Key{Kind: state.KindDone, Name: state.BuildName(id)}, b); found || err != nil {
		return b, err
	}
	return nil, fmt.Errorf("build %s: %w", id, ErrNotFound)
}

// GoneAppServer returns an AppServer that was terminated.
func (s *Store) GoneAppServer(ctx context.Context, id string) (*state.AppServer, error) {
	a := new(state.AppServer)
	key := state.Key{Kind: state.KindGone, Name: state.GoneName(id)}
	found, err := s.get(ctx, key, a)
	if err == nil && !found {
		found, err = s.over(key, a)
	}
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
	return newest[state.Build](s, state.KindDone, instance, before, limit, resp)
}

// Gone returns terminated AppServers of an instance, the newest first.
func (s *Store) Gone(ctx context.Context, instance string, limit int) ([]*state.AppServer, error) {
	resp, err := s.cli.Get(ctx, root+string(state.KindGone)+"/"+instance+"/", clientv3.WithPrefix(),
		clientv3.WithLimit(int64(limit)), clientv3.WithSort(clientv3.SortByKey, clientv3.SortDescend))
	if err != nil {
		return nil, fmt.Errorf("read terminated AppServers of %s: %w", instance, err)
	}
	return newest[state.AppServer](s, state.KindGone, instance, 0, limit, resp)
}

// newest puts together what etcd has of an instance's history and what is in
// files: read after it, since facts go from there to here.
func newest[T any](s *Store, kind state.Kind, instance string, before int64, limit int, resp *clientv3.GetResponse) ([]*T, error) {
	var old []past.Fact
	var err error
	if s.past != nil && limit > 0 {
		if old, err = s.past.Newest(string(kind), instance, before, limit); err != nil {
			return nil, err
		}
	}
	all := make([]past.Fact, 0, len(resp.Kvs)+len(old))
	for _, kv := range resp.Kvs {
		key, _ := state.ParseKey(strings.TrimPrefix(string(kv.Key), root))
		_, number, name, _ := key.Over()
		all = append(all, past.Fact{Number: number, Name: name, Value: kv.Value})
	}
	if len(old) > 0 { // else they are in order
		all = append(all, old...)
		slices.SortStableFunc(all, func(a, b past.Fact) int {
			return cmp.Or(cmp.Compare(b.Number, a.Number), cmp.Compare(b.Name, a.Name))
		})
		all = slices.CompactFunc(all, func(a, b past.Fact) bool { return a.Name == b.Name })
	}
	out := make([]*T, 0, min(limit, len(all)))
	for _, f := range all[:min(limit, len(all))] {
		v := new(T)
		if err := state.Decode(f.Value, v); err != nil {
			return nil, fmt.Errorf("decode fact %s/%s/%s: %w", kind, instance, f.Name, err)
		}
		out = append(out, v)
	}
	return out, nil
}

// over looks for a fact that is over in the files.
func (s *Store) over(k state.Key, v any) (bool, error) {
	instance, number, name, ok := k.Over()
	if s.past == nil || !ok {
		return false, nil
	}
	value, err := s.past.Find(string(k.Kind), instance, number, name)
	if err != nil || value == nil {
		return false, err
	}
	if err := state.Decode(value, v); err != nil {
		return false, fmt.Errorf("decode fact %s: %w", k, err)
	}
	return true, nil
}

// Forget deletes the history of an instance. It fails with ErrConflict if the
// instance is in force.
func (s *Store) Forget(ctx context.Context, instance string) error {
	s.moving.Lock()
	defer s.moving.Unlock()
	var deletes []clientv3.Op
	for _, kind := range []state.Kind{state.KindDone, state.KindGone} {
		deletes = append(deletes, clientv3.OpDelete(root+string(kind)+"/"+instance+"/", clientv3.WithPrefix()))
	}
	inForce := root + state.Key{Kind: state.KindInForce, Name: instance}.String()
	free := clientv3.Compare(clientv3.CreateRevision(inForce), "=", 0)
	if _, err := s.transact(ctx, []clientv3.Cmp{free}, deletes); err != nil {
		return fmt.Errorf("delete the history of %s: %w", instance, err)
	}
	if s.past == nil {
		return nil
	}
	return errors.Join(s.past.Forget(string(state.KindDone), instance), s.past.Forget(string(state.KindGone), instance))
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
	return s.settle(ctx, "installation", fresh)
}

// Recipient returns who secrets are encrypted for, which is own unless another
// master was first to say so.
func (s *Store) Recipient(ctx context.Context, own string) (string, error) {
	return s.settle(ctx, "recipient", own)
}

// settle returns what was said of a name first.
func (s *Store) settle(ctx context.Context, name, fresh string) (string, error) {
	key := root + name
	resp, err := s.cli.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
		Then(clientv3.OpPut(key, fresh)).
		Else(clientv3.OpGet(key)).Commit()
	if err != nil {
		return "", fmt.Errorf("read the %s of this installation: %w", name, err)
	}
	// gofail: var installationStored struct{}
	if resp.Succeeded {
		return fresh, nil
	}
	return string(resp.Responses[0].GetResponseRange().Kvs[0].Value), nil
}
