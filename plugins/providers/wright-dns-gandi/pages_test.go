package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"

	"github.com/wright-build/wright/plugins/dns/webapi"
)

// Things go from the front of a list while it is read: what stays is found all the same.
func TestPagesThatMove(t *testing.T) {
	const things = 250
	for _, goes := range []int{0, 1, 4, things} { // how many requests each take a thing away
		list := make([]string, things)
		for i := range list {
			list[i] = fmt.Sprint(i)
		}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			page, _ := strconv.Atoi(r.FormValue("page"))
			from := min((page-1)*pageSize, len(list))
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(list[from:min(from+pageSize, len(list))])
			if goes > 0 {
				goes--
				list = slices.Delete(list, 0, min(10, len(list)))
			}
		}))
		t.Cleanup(server.Close)
		api, err := webapi.New("endpoint", server.URL, "Authorization", "Bearer ", func() (string, error) { return "token", nil })
		if err != nil {
			t.Fatal(err)
		}
		got, err := readAll(t.Context(), api, []string{"things"}, func(s string) string { return s })
		if err != nil {
			t.Fatal(err)
		}
		for _, thing := range list {
			if !slices.Contains(got, thing) {
				t.Errorf("%s stays and is not in a list of %d", thing, len(got))
				break
			}
		}
	}
}
