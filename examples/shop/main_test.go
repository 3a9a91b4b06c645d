package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestPageShowsItemsAndPrices(t *testing.T) {
	h, err := shop("theme")
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	for _, want := range []string{"Claw hammer", "24.50"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the page lacks %q:\n%s", want, w.Body)
		}
	}
}
