package plugins

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// What a third party links must stay small.
func TestImportsOfTheSDK(t *testing.T) {
	allowed := []string{
		"github.com/wright-build/wright/plugins", "github.com/wright-build/wright/plugins/dns", "github.com/wright-build/wright/proto/plugin/v1",
		"google.golang.org/grpc", "google.golang.org/grpc/codes", "google.golang.org/grpc/credentials", "google.golang.org/grpc/health",
		"google.golang.org/grpc/health/grpc_health_v1", "google.golang.org/grpc/status", "google.golang.org/protobuf/proto",
		"google.golang.org/protobuf/types/known/durationpb", "google.golang.org/protobuf/types/known/emptypb",
		"google.golang.org/protobuf/types/known/timestamppb",
	}
	for _, dir := range []string{".", "balancer", "cloud", "database", "dns", "notifier", "runner"} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range file.Imports {
				name, _ := strconv.Unquote(i.Path.Value)
				ok := !strings.Contains(name, ".")
				for _, a := range allowed {
					ok = ok || name == a
				}
				if !ok {
					t.Errorf("%s imports %s", path, name)
				}
			}
		}
	}
}
