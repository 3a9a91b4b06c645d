package master

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
)

func TestCrowded(t *testing.T) {
	const limit = 3
	arrived, leave := make(chan bool, limit), make(chan bool)
	var inside atomic.Int64
	handler := crowded(limit, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		defer inside.Add(-1)
		if inside.Add(1) > limit {
			return // which it answers with 200
		}
		arrived <- true
		<-leave
	}))
	ask := func() int {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if again := w.Header().Get("Retry-After"); (w.Code == http.StatusOK) != (again == "") {
			t.Errorf("answered %d, again after %q", w.Code, again)
		}
		return w.Code
	}
	for round := range 2 { // who has left makes room
		var under sync.WaitGroup
		for range limit {
			under.Go(func() {
				if code := ask(); code != http.StatusOK {
					t.Errorf("round %d: answered %d within the limit", round, code)
				}
			})
		}
		for range limit {
			<-arrived
		}
		if code := ask(); code != http.StatusServiceUnavailable {
			t.Errorf("round %d: answered %d beyond the limit", round, code)
		}
		for range limit {
			leave <- true
		}
		under.Wait()
	}
}

func TestRequestLimit(t *testing.T) {
	if limit := requestLimit(); limit < 16 {
		t.Errorf("the limit is %d", limit)
	}
}
