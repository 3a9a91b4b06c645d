package web

import "testing"

func TestPositionIsReadBack(t *testing.T) {
	p := position{attempt: 2, own: 17, part: 3, offset: 1 << 40}
	if got, ok := parsePosition(p.String()); !ok || got != p {
		t.Errorf("%s was read as %+v, %v", p, got, ok)
	}
	for _, s := range []string{"", "1", "1.2.3", "0.0.0.0", "1.-1.0.0", "1.0.10000.0", "1.0.0.0.0", "x.0.0.0", "1.0.0.99999999999999999999"} {
		if got, ok := parsePosition(s); ok {
			t.Errorf("%q was read as %+v, want it refused", s, got)
		}
	}
}
