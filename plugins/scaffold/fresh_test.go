package scaffold

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wright-build/wright/plugins"
)

var update = flag.Bool("update", false, "make the copies of proto/ and the Python code of them anew")

// protoc is the one that the committed code was made with, Debian 12's: older
// Python packages cannot read what newer ones make.
const protoc = "libprotoc 3.21"

// names are the files of the protocol, without their endings.
func names() []string {
	list := []string{"plugin"}
	for _, k := range plugins.Kinds() {
		list = append(list, string(k))
	}
	return list
}

// The .proto files of the templates are those of the protocol, without an option
// that Debian's protoc does not know and that changes nothing on the wire.
func TestProtoIsFresh(t *testing.T) {
	for _, name := range names() {
		ours, err := os.ReadFile(filepath.Join(sdk(t), "proto", "plugin", "v1", name+".proto"))
		if err != nil {
			t.Fatal(err)
		}
		want := strings.ReplaceAll(string(ours), " [debug_redact = true]", "")
		compare(t, filepath.Join("files", "python", "all", "proto", "plugin", "v1", name+".proto"), []byte(want))
	}
}

func TestPythonIsFresh(t *testing.T) {
	version, err := exec.Command("protoc", "--version").Output()
	if errors.Is(err, exec.ErrNotFound) || !strings.HasPrefix(string(version), protoc) {
		t.Skipf("there is no protoc of Debian 12 (%s, protobuf-compiler): %s %v", protoc, version, err)
	}
	if _, err := os.Stat("/usr/include/google/protobuf/duration.proto"); err != nil {
		t.Skipf("protoc lacks the files that others import (libprotobuf-dev): %v", err)
	}
	out := t.TempDir()
	for _, name := range names() {
		cmd := exec.Command("protoc", "-I", filepath.Join("files", "python", "all", "proto"), "--python_out="+out, "plugin/v1/"+name+".proto")
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("protoc: %v\n%s", err, said)
		}
		path := filepath.Join("plugin", "v1", name+"_pb2.py")
		made, err := os.ReadFile(filepath.Join(out, path))
		if err != nil {
			t.Fatal(err)
		}
		compare(t, filepath.Join("files", "python", "all", "src", path), made)
	}
}

// The example in Python has the same small SDK.
func TestExampleIsFresh(t *testing.T) {
	const from = "files/python/all"
	const to = "../../examples/plugins/python"
	for _, name := range []string{
		"src/wright_plugin.py", "src/plugin/v1/plugin_pb2.py", "src/plugin/v1/notifier_pb2.py",
		"proto/plugin/v1/plugin.proto", "proto/plugin/v1/notifier.proto",
	} {
		want, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		compare(t, filepath.Join(to, name), want)
	}
}

// The example in Go requires what a new plugin would.
func TestExampleModuleIsFresh(t *testing.T) {
	const to = "../../examples/plugins/go"
	mod, sum, err := readModule(sdk(t))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, filepath.Join(to, "go.mod"), goMod("example.com/wright-cloud-rack", "../../..", mod))
	compare(t, filepath.Join(to, "go.sum"), goSum(mod, sum))
}

func compare(t *testing.T, path string, want []byte) {
	t.Helper()
	have, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if bytes.Equal(have, want) {
		return
	}
	if !*update {
		t.Errorf("%s is not fresh: go test ./plugins/scaffold -run Fresh -update", path)
		return
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, want, 0o644)); err != nil {
		t.Error(err)
	}
}
