package scaffold

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// sdkModule is what a plugin in Go is built with.
const sdkModule = "github.com/wright-build/wright"

// addModule adds go.mod, and go.sum where a checkout has one to take it from.
func (o Options) addModule(p plan, dir string) error {
	checkout, err := o.checkout(dir)
	if err != nil {
		return err
	}
	module := "example.com/" + "wright-" + string(o.Kind) + "-" + o.Name
	if checkout == "" {
		version, err := published()
		if err != nil {
			return err
		}
		p["go.mod"] = fmt.Appendf(nil, "module %s\n\ngo 1.26.0\n\nrequire %s %s\n", module, sdkModule, version)
		return nil
	}
	mod, sum, err := readModule(checkout)
	if err != nil {
		return fmt.Errorf("read Wright's module: %w", err)
	}
	p["go.mod"], p["go.sum"] = goMod(module, checkout, mod), goSum(mod, sum)
	return nil
}

// checkout gives the directory of Wright's module: the one that was asked for,
// or the one above the plugin or this program, or none.
func (o Options) checkout(dir string) (string, error) {
	if o.SDK != "" {
		sdk, err := filepath.Abs(o.SDK)
		if err == nil && !isCheckout(sdk) {
			err = fmt.Errorf("%s has no go.mod of the module %s", sdk, sdkModule)
		}
		if err != nil {
			return "", fmt.Errorf("find Wright's sources: %w", err)
		}
		return sdk, nil
	}
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find Wright's sources: %w", err)
	}
	for _, start := range []string{dir, self} {
		start, err := filepath.Abs(start)
		if err != nil {
			return "", fmt.Errorf("find Wright's sources: %w", err)
		}
		for up := start; up != filepath.Dir(up); up = filepath.Dir(up) {
			if isCheckout(up) {
				return up, nil
			}
		}
	}
	return "", nil
}

func isCheckout(dir string) bool {
	b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && modfile.ModulePath(b) == sdkModule
}

// released is a version that can be fetched, not one of a tree with changes.
var released = regexp.MustCompile(`^v\d+\.\d+\.\d+[0-9A-Za-z.-]*$`)

// published is the version of this program, if it is one that others can fetch.
func published() (string, error) {
	info, ok := debug.ReadBuildInfo()
	if ok && info.Main.Path == sdkModule && released.MatchString(info.Main.Version) {
		return info.Main.Version, nil
	}
	return "", errors.New("this wright was built from a working tree, so its sources cannot be fetched by version: " +
		"say where they are with --sdk DIR, a checkout of Wright")
}

func readModule(dir string) (*modfile.File, []byte, error) {
	b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return nil, nil, err
	}
	mod, err := modfile.ParseLax("go.mod", b, nil)
	if err != nil {
		return nil, nil, err
	}
	sum, err := os.ReadFile(filepath.Join(dir, "go.sum"))
	return mod, sum, err
}

// needed are the modules that a plugin and its test link. The plugin itself
// links less, seven modules with Wright's.
func needed() []string {
	return []string{
		"github.com/BurntSushi/toml",
		"github.com/fatih/color",
		"github.com/golang/protobuf",
		"github.com/hashicorp/go-hclog",
		"github.com/hashicorp/go-plugin",
		"github.com/hashicorp/yamux",
		"github.com/mattn/go-colorable",
		"github.com/mattn/go-isatty",
		"github.com/oklog/run",
		"golang.org/x/net",
		"golang.org/x/sys",
		"golang.org/x/text",
		"google.golang.org/genproto/googleapis/rpc",
		"google.golang.org/grpc",
		"google.golang.org/protobuf",
	}
}

// goMod requires what Wright itself requires, in its versions, so that nothing
// need be asked of the network.
func goMod(module, checkout string, mod *modfile.File) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "module %s\n\ngo %s\n\nrequire %s v0.0.0\n\nrequire (\n", module, mod.Go.Version, sdkModule)
	for _, name := range needed() {
		for _, r := range mod.Require {
			if r.Mod.Path == name {
				fmt.Fprintf(&b, "\t%s %s // indirect\n", name, r.Mod.Version)
			}
		}
	}
	fmt.Fprintf(&b, ")\n\n// A checkout of Wright. Take this line away and run \"go mod tidy\" to build with a released version.\nreplace %s => %s\n",
		sdkModule, modfile.AutoQuote(checkout))
	return b.Bytes()
}

// goSum takes from Wright's go.sum the sums of the modules that are needed, and
// of every go.mod, which the go command reads to know that it has them all.
func goSum(mod *modfile.File, sum []byte) []byte {
	versions := map[string]bool{}
	for _, r := range mod.Require {
		if slices.Contains(needed(), r.Mod.Path) {
			versions[r.Mod.Path+" "+r.Mod.Version] = true
		}
	}
	var b bytes.Buffer
	for s := bufio.NewScanner(bytes.NewReader(sum)); s.Scan(); {
		f := strings.Fields(s.Text())
		if len(f) == 3 && (versions[f[0]+" "+f[1]] || strings.HasSuffix(f[1], "/go.mod")) {
			b.WriteString(s.Text() + "\n")
		}
	}
	return b.Bytes()
}
