package schedule_test

import (
	"strings"
	"testing"

	"github.com/wright-build/wright/master/schedule"
	"github.com/wright-build/wright/master/state"
)

const matrix = "build-for = [\"postgresql\", \"python >= 3.11\"]\nbuild-requires = [\"linux\"]\n" + text

// matrixed is a house whose shop is built for what two agents offer.
func matrixed(t *testing.T) *house {
	h := open(t)
	h.put((&state.InForce{Instance: "shop", File: "shop.toml", Text: []byte(matrix)}).Put())
	h.put(
		(&state.Agent{Name: "a", Slots: 1, Capabilities: []string{"linux", "postgresql 15.4", "postgresql 16.2", "python 3.11", "python 3.9"}}).Put(),
		(&state.Agent{Name: "b", Slots: 1, Capabilities: []string{"linux", "postgresql 14.0", "python 3.12"}}).Put())
	return h
}

func (h *house) matrix() (all []string) {
	h.store.Read(func(f *state.Facts) {
		for _, b := range f.Queue() {
			all = append(all, b.ID+" "+strings.Join(b.Requires, ", "))
		}
	})
	return all
}

const combinations = `shop-000001 linux, postgresql == "14.0", python == "3.12"
shop-000002 linux, postgresql == "15.4", python == "3.11"
shop-000003 linux, postgresql == "16.2", python == "3.11"`

// A request comes to a build for each combination that one agent offers; a change
// joins them all while they all wait, and comes to new ones once one does not.
func TestMatrix(t *testing.T) {
	h := matrixed(t)
	s, _ := h.run()
	first, err := s.Start(t.Context(), "shop", schedule.Request{Text: "please"})
	if err != nil || first.ID != "shop-000001" || first.Group != 1 || len(first.Matrix) != 2 {
		t.Fatalf("the first is %+v, %v", first, err)
	}
	if got := strings.Join(h.matrix(), "\n"); got != combinations {
		t.Errorf("got\n%s\nwant\n%s", got, combinations)
	}
	h.moves("a1")
	h.remembers("a1")
	h.moves("a2")
	h.until("all have taken the change in", func(f *state.Facts) bool {
		n := 0
		for _, b := range f.Queue() {
			if len(b.Reason.Changes) == 1 && b.Reason.Changes[0].New == "a2" {
				n++
			}
		}
		return n == 3
	})
	var given state.Build
	h.store.Read(func(f *state.Facts) { given, err = f.Builds["shop-000002"].Assign("a", "", "", f.Revision) })
	if err != nil {
		t.Fatal(err)
	}
	h.put(given.Put())
	h.moves("a3")
	h.until("there are new ones for what one of them missed", func(f *state.Facts) bool { return len(f.OfInstance("shop")) == 6 })
	if b, err := s.Start(t.Context(), "shop", schedule.Request{Text: "once more"}); err != nil || b.Number != 7 || b.Group != 7 {
		t.Errorf("then comes %+v, %v", b, err)
	}
}

// What nobody offers is waited for.
func TestMatrixOfNobody(t *testing.T) {
	h := open(t)
	h.put((&state.InForce{Instance: "shop", File: "shop.toml", Text: []byte(matrix)}).Put())
	s, _ := h.run()
	if _, err := s.StartMany(t.Context(), "shop", schedule.Request{}, 70); err != nil {
		t.Fatal(err)
	}
	all := h.matrix()
	if len(all) != 70 || !strings.HasSuffix(all[0], " linux, postgresql, python >= 3.11") {
		t.Errorf("%d wait, the first is %q", len(all), all[0])
	}
}
