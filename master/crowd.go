package master

import (
	"math"
	"net/http"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/wright-build/wright/master/api"
)

// crowded refuses requests beyond the limit that is under way: while the store
// does not answer they pile up, and the files that they hold open are needed by
// the store itself and by agents.
func crowded(limit int64, next http.Handler) http.Handler {
	var underWay atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer underWay.Add(-1)
		if underWay.Add(1) > limit {
			w.Header().Set("Retry-After", "5")
			w.Header().Set("Connection", "close")
			api.Refuse(w, http.StatusServiceUnavailable, "this master has as many requests under way as it may have open",
				"ask again in some seconds; if it lasts, see whether its store answers, and raise its limit of open files")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// requestLimit is how many requests may be under way: a quarter of the files
// that this process may have open, since a visitor of an AppServer takes two.
func requestLimit() int64 {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil || files.Cur > math.MaxInt64 {
		return math.MaxInt64
	}
	return max(int64(files.Cur/4), 16)
}
