// Package bucket keeps objects where all masters of an installation find them: in
// a bucket of S3, of what speaks like it, or in a directory that they share. All it
// does is bounded in time and tried again; what goes wrong for longer is told to
// the caller. It does not know what the objects are.
package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob" // file://
	"gocloud.dev/gcerrors"
)

// How long a try may take beside what the bytes need, how slow a bucket may be at
// least, and how often something is tried before the caller hears of it.
const (
	tryTime  = 20 * time.Second
	slowest  = 256 << 10 // bytes a second
	tries    = 4
	minPause = 100 * time.Millisecond
	downTime = 5 * time.Second // after which a bucket that failed is given its tries again
)

// Bucket is one. It is safe for concurrent use.
type Bucket struct {
	blobs    *blob.Bucket
	prefix   string // of all keys of this installation
	pause    time.Duration
	patience time.Duration // with one try
	opened   time.Time
	failed   atomic.Int64 // when it did last, in nanoseconds since it was opened, whatever the clock on the wall does; 0: it works
	within   func(time.Duration) (context.Context, context.CancelFunc)
}

// Open opens the bucket of that URL until ctx ends. What it holds of other
// installations is not seen. Who it is to the bucket is found in the environment,
// or where else the SDK of its kind looks.
func Open(ctx context.Context, address, installation string) (*Bucket, error) {
	address, err := check(address)
	if err != nil {
		return nil, err
	}
	blobs, err := blob.OpenBucket(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("open the bucket of [storage]: %w", err)
	}
	return &Bucket{
		opened: time.Now(),
		blobs:  blobs, prefix: "wright-" + installation + "/", pause: minPause, patience: tryTime,
		within: func(d time.Duration) (context.Context, context.CancelFunc) { return context.WithTimeout(ctx, d) },
	}, nil
}

// Close ends the use of the bucket.
func (b *Bucket) Close() error { return b.blobs.Close() }

// check returns the URL as it is opened, or why it is not.
func check(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", errors.New("[storage] url cannot be read: want one like s3://BUCKET?region=REGION or file:///DIRECTORY")
	}
	if u.User != nil || slices.ContainsFunc(names(u.Query()), confidential) {
		return "", errors.New("[storage] url must hold no credentials: give them to the master's process in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, " +
			"or as what else the SDK of the bucket's kind reads, and leave them out here")
	}
	if !slices.Contains(schemes(), u.Scheme) {
		return "", fmt.Errorf("[storage] url: %.20q is no kind of bucket that this wright knows: it knows %s; gs:// and azblob:// want one built with `-tags gcs,azure`",
			u.Scheme, strings.Join(schemes(), ", "))
	}
	if u.Scheme == "file" {
		q := u.Query()
		for name, value := range map[string]string{"create_dir": "true", "no_tmp_dir": "true", "metadata": "skip"} {
			if !q.Has(name) {
				q.Set(name, value)
			}
		}
		u.RawQuery = q.Encode()
	}
	return u.String(), nil
}

func schemes() []string {
	var known []string
	for _, s := range []string{"azblob", "file", "gs", "s3"} {
		if blob.DefaultURLMux().ValidBucketScheme(s) {
			known = append(known, s)
		}
	}
	return known
}

func names(q url.Values) (all []string) {
	for name := range q {
		all = append(all, name)
	}
	return all
}

// confidential says whether what a name stands for may be a secret.
func confidential(name string) bool {
	name = strings.ToLower(name)
	return name != "kmskeyid" && slices.ContainsFunc([]string{"key", "secret", "token", "password", "sig", "sas"}, func(s string) bool {
		return strings.Contains(name, s) && !strings.HasPrefix(name, "sse")
	})
}

// Put stores an object of that size. When it returns, the object is there whole.
func (b *Bucket) Put(key string, from io.ReaderAt, size int64) error {
	return b.try("put", key, size, func(ctx context.Context) error {
		if err := b.blobs.Upload(ctx, b.prefix+key, io.NewSectionReader(from, 0, size), &blob.WriterOptions{ContentType: "application/octet-stream"}); err != nil {
			return err
		}
		is, err := b.blobs.Attributes(ctx, b.prefix+key)
		if err == nil && is.Size != size {
			err = fmt.Errorf("it has %d bytes then, and not %d", is.Size, size)
		}
		return err
	})
}

// Size is how many bytes an object has; fs.ErrNotExist if there is none.
func (b *Bucket) Size(key string) (size int64, err error) {
	err = b.try("look for", key, 0, func(ctx context.Context) error {
		is, err := b.blobs.Attributes(ctx, b.prefix+key)
		if err == nil {
			size = is.Size
		}
		return err
	})
	return size, err
}

// ReadAt fills to with what an object has from there on. That it has less is
// io.ErrUnexpectedEOF.
func (b *Bucket) ReadAt(key string, to []byte, at int64) error {
	return b.try("read", key, int64(len(to)), func(ctx context.Context) error {
		r, err := b.blobs.NewRangeReader(ctx, b.prefix+key, at, int64(len(to)), nil)
		if err != nil {
			return err
		}
		_, err = io.ReadFull(r, to)
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return errors.Join(err, r.Close())
	})
}

// List hands out all objects whose keys begin so, by key, with their size and when
// they were put.
func (b *Bucket) List(prefix string, see func(key string, size int64, at time.Time)) error {
	return b.pages(&blob.ListOptions{Prefix: b.prefix + prefix}, func(o *blob.ListObject) {
		see(strings.TrimPrefix(o.Key, b.prefix), o.Size, o.ModTime)
	})
}

// Directories is what stands before the next slash in all keys that begin so.
func (b *Bucket) Directories(prefix string) (all []string, err error) {
	err = b.pages(&blob.ListOptions{Prefix: b.prefix + prefix, Delimiter: "/"}, func(o *blob.ListObject) {
		if o.IsDir {
			all = append(all, strings.TrimSuffix(strings.TrimPrefix(o.Key, b.prefix+prefix), "/"))
		}
	})
	return all, err
}

func (b *Bucket) pages(which *blob.ListOptions, see func(*blob.ListObject)) error {
	at := blob.FirstPageToken
	for {
		var page []*blob.ListObject
		next := at
		err := b.try("list", which.Prefix, 0, func(ctx context.Context) (err error) {
			page, next, err = b.blobs.ListPage(ctx, at, 1000, which)
			return err
		})
		if err != nil {
			return err
		}
		for _, o := range page {
			see(o)
		}
		if len(next) == 0 {
			return nil
		}
		at = next
	}
}

// Remove removes all objects whose keys begin so.
func (b *Bucket) Remove(prefix string) error {
	var keys []string
	if err := b.List(prefix, func(key string, _ int64, _ time.Time) { keys = append(keys, key) }); err != nil {
		return err
	}
	for _, key := range keys {
		err := b.try("remove", key, 0, func(ctx context.Context) error { return b.blobs.Delete(ctx, b.prefix+key) })
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// try does something about an object until it is done, some times.
// A bucket that has just failed gets one try, and less time: a person may wait.
func (b *Bucket) try(what, key string, size int64, do func(context.Context) error) (err error) {
	pause, left, patience := b.pause, tries, b.patience
	if b.down() {
		left, patience = 1, patience/10
	}
	for ; left > 0; left-- {
		ctx, cancel := b.within(patience + time.Duration(size/slowest)*time.Second)
		err = do(ctx)
		cancel()
		missing := gcerrors.Code(err) == gcerrors.NotFound
		if err == nil || missing {
			b.failed.Store(0)
		}
		switch {
		case err == nil:
			return nil
		case missing:
			return fmt.Errorf("%s %s in the bucket: %w", what, key, fs.ErrNotExist)
		case left > 1 && !b.wait(pause/2+rand.N(pause)):
			left = 1
		}
		pause *= 4
	}
	b.failed.Store(int64(time.Since(b.opened)))
	return fmt.Errorf("%s %s in the bucket: %w", what, key, err)
}

// down says whether the bucket has failed a moment ago.
func (b *Bucket) down() bool {
	at := b.failed.Load()
	return at != 0 && time.Since(b.opened)-time.Duration(at) < downTime
}

// wait says whether there is time for another try.
func (b *Bucket) wait(d time.Duration) bool {
	ctx, cancel := b.within(d)
	defer cancel()
	<-ctx.Done()
	return errors.Is(ctx.Err(), context.DeadlineExceeded)
}
