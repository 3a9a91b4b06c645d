package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

func TestGoodPlugin(t *testing.T) {
	t.Setenv("SECRET_OF_THE_AGENT", "hidden")
	t.Setenv("WRIGHT_PLUGIN_TOKEN", "shown")
	h, _ := open(t, "good", nil)
	if i := h.Plugins(); len(i) != 1 || i[0].Name != "good" || i[0].Kind != plugins.Cloud || i[0].Version != "" || i[0].PID != 0 {
		t.Errorf("before the launch: %+v", i)
	}
	p := launch(t, h, "good")
	if i := h.Plugins(); len(i) != 1 || i[0].Version != "1.2.3" || i[0].PID == 0 {
		t.Errorf("after the launch: %+v", i)
	}
	s, err := p.Create(t.Context(), cloud.Spec{Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	v := s.Variables
	if v["INSTALLATION"] != "inst" || v["CONFIG"] != "map[region:moon]" || filepath.Base(v["STATE"]) != "cloud-good" {
		t.Errorf("its settings are %v", v)
	}
	if info, err := os.Stat(v["STATE"]); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("its directory: %v, %v", info, err)
	}
	if strings.Contains(v["ENV"], "SECRET_OF_THE_AGENT") || !strings.Contains(v["ENV"], "WRIGHT_PLUGIN_TOKEN=shown") {
		t.Errorf("its environment is %s", v["ENV"])
	}
	// Two users of one name share a process.
	again, err := launch(t, h, "good").Create(t.Context(), cloud.Spec{Token: "t"})
	if err != nil || again.Variables["PID"] != v["PID"] {
		t.Errorf("the second user has process %v, the first %s, %v", again, v["PID"], err)
	}
	if err := h.Close(); err != nil || !gone(v["PID"]) {
		t.Errorf("after close: %v, gone %v", err, gone(v["PID"]))
	}
	if _, err := os.Stat(v["SOCKETS"]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory of the socket: %v", err)
	}
	if _, err := p.Get(t.Context(), "t"); plugins.CodeOf(err) != plugins.Transient {
		t.Errorf("a call after close gave %v", err)
	}
}

func TestErrorsKeepTheirCodes(t *testing.T) {
	h, _ := open(t, "good", nil)
	p := launch(t, h, "good")
	for _, c := range allCodes() {
		_, err := p.Create(t.Context(), cloud.Spec{Token: string(c)})
		e, ok := errors.AsType[*plugins.Error](err)
		if !ok || e.Code != c || e.Field != "config.x" || e.RetryAfter != 3*time.Second || e.Error() != "config.x: as wanted" {
			t.Errorf("%s came back as %#v", c, err)
		}
	}
	if err := p.Delete(t.Context(), "t"); err == nil || plugins.CodeOf(err) != plugins.Unknown {
		t.Errorf("an error without a code came back as %v", err)
	}
	if _, err := p.List(t.Context(), map[string]string{"size": "huge"}); err == nil {
		t.Error("an answer of more than 4 MiB came through")
	}
	if _, err := p.List(t.Context(), nil); err != nil {
		t.Error("after it:", err)
	}
}

func TestUnknownNames(t *testing.T) {
	h := New(Config{Dirs: []string{linkPlugins(t, "good", "hang"), "/does/not/exist"}, StateDir: t.TempDir()})
	for _, name := range []string{"missing", "", "../good", "good/", "Good", "-good", strings.Repeat("x", 1000), "a\x00b"} {
		_, err := h.Cloud(t.Context(), name)
		if plugins.CodeOf(err) != plugins.NotFound {
			t.Errorf("%.20q gave %v", name, err)
			continue
		}
		for _, want := range []string{"/does/not/exist", "good, hang"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("the error does not say %q: %v", want, err)
			}
		}
	}
	if _, err := h.DNS(t.Context(), "good"); plugins.CodeOf(err) != plugins.NotFound {
		t.Errorf("a cloud provider as DNS provider gave %v", err)
	}
}

func TestDiscovery(t *testing.T) {
	first, second := linkPlugins(t, "a", "b"), linkPlugins(t, "b", "c")
	for name, mode := range map[string]os.FileMode{
		"wright-cloud-plain": 0o644, "wright-cloud-": 0o755, "wright-cloud-UPPER": 0o755,
		"wright-dns-d": 0o755, "wright-mail-e": 0o755, "other": 0o755,
	} {
		if err := os.WriteFile(filepath.Join(first, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(first, "wright-cloud-dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range discover([]string{first, "/does/not/exist", second}) {
		got = append(got, string(i.Kind)+"-"+i.Name+"@"+filepath.Dir(i.Path))
	}
	want := fmt.Sprint([]string{"cloud-a@" + first, "cloud-b@" + first, "cloud-c@" + second, "dns-d@" + first})
	if fmt.Sprint(got) != want {
		t.Errorf("found %v\nwant  %s", got, want)
	}
}
