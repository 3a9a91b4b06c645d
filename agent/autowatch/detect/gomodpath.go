package detect

import (
	"regexp"
	"strings"
)

// majorVersion is the end of a module path from version 2 on.
var majorVersion = regexp.MustCompile(`/v[0-9]+$`)

// moduleURL is the repository of a Go module, "" if its path does not tell.
// The forges keep owner/name, and what follows is a directory of it; so it is
// taken to be on hosts that are not known. Well-known names that lead elsewhere
// are in a table: which others there are, only a web server could tell.
func moduleURL(path string) string {
	host, rest, _ := strings.Cut(path, "/")
	if before, _, ok := strings.Cut(path+"/", ".git/"); ok && strings.Contains(before, "/") {
		return "https://" + before + ".git"
	}
	if host == "gopkg.in" {
		return gopkgURL(rest)
	}
	rest = strings.TrimPrefix(majorVersion.ReplaceAllString("/"+rest, ""), "/")
	if url := vanityURL(host, rest); url != "" {
		return url
	}
	first, second, _ := strings.Cut(rest, "/")
	second, _, _ = strings.Cut(second, "/")
	if first == "" || second == "" || !strings.Contains(host, ".") || strings.HasPrefix(host, "go.") {
		return ""
	}
	return "https://" + host + "/" + first + "/" + second
}

var gopkgVersion = regexp.MustCompile(`^(?:([^/]+)/)?([^/]+)\.v[0-9]+(?:-unstable)?(?:/.*)?$`)

// gopkgURL is where gopkg.in/name.v1 and gopkg.in/owner/name.v1 are from.
func gopkgURL(path string) string {
	m := gopkgVersion.FindStringSubmatch(path)
	switch {
	case m == nil:
		return ""
	case m[1] == "":
		return "https://github.com/go-" + m[2] + "/" + m[2]
	}
	return "https://github.com/" + m[1] + "/" + m[2]
}

// vanityURL is where well-known modules are from whose host keeps no
// repositories. first is the first part of the path below the host.
func vanityURL(host, rest string) string {
	first, second, _ := strings.Cut(rest, "/")
	if host == "golang.org" && first == "x" && second != "" {
		second, _, _ = strings.Cut(second, "/")
		return "https://go.googlesource.com/" + second
	}
	if url := vanityNames(host + "/" + first); url != "" {
		return url
	}
	if owner := vanityOwners(host); owner != "" && first != "" {
		return "https://github.com/" + owner + "/" + first
	}
	return ""
}

// vanityOwners are hosts whose names are those of one owner at GitHub.
func vanityOwners(host string) string {
	return map[string]string{
		"go.etcd.io":  "etcd-io",
		"go.uber.org": "uber-go",
		"istio.io":    "istio",
		"k8s.io":      "kubernetes",
		"knative.dev": "knative",
		"sigs.k8s.io": "kubernetes-sigs",
	}[host]
}

func vanityNames(path string) string {
	return map[string]string{
		"cloud.google.com/go":           "https://github.com/googleapis/google-cloud-go",
		"code.gitea.io/gitea":           "https://github.com/go-gitea/gitea",
		"code.gitea.io/sdk":             "https://gitea.com/gitea/go-sdk",
		"filippo.io/age":                "https://github.com/FiloSottile/age",
		"go.mongodb.org/mongo-driver":   "https://github.com/mongodb/mongo-go-driver",
		"go.opentelemetry.io/collector": "https://github.com/open-telemetry/opentelemetry-collector",
		"go.opentelemetry.io/contrib":   "https://github.com/open-telemetry/opentelemetry-go-contrib",
		"go.opentelemetry.io/otel":      "https://github.com/open-telemetry/opentelemetry-go",
		"go.opentelemetry.io/proto":     "https://github.com/open-telemetry/opentelemetry-proto-go",
		"go.starlark.net/":              "https://github.com/google/starlark-go",
		"go4.org/":                      "https://github.com/go4org/go4",
		"golang.zx2c4.com/wireguard":    "https://git.zx2c4.com/wireguard-go",
		"gonum.org/v1":                  "https://github.com/gonum/gonum",
		"google.golang.org/api":         "https://github.com/googleapis/google-api-go-client",
		"google.golang.org/appengine":   "https://github.com/golang/appengine",
		"google.golang.org/genproto":    "https://github.com/googleapis/go-genproto",
		"google.golang.org/grpc":        "https://github.com/grpc/grpc-go",
		"google.golang.org/protobuf":    "https://go.googlesource.com/protobuf",
		"gorm.io/gorm":                  "https://github.com/go-gorm/gorm",
		"gvisor.dev/gvisor":             "https://github.com/google/gvisor",
		"honnef.co/go":                  "https://github.com/dominikh/go-tools",
		"mvdan.cc/gofumpt":              "https://github.com/mvdan/gofumpt",
		"mvdan.cc/sh":                   "https://github.com/mvdan/sh",
		"tailscale.com/":                "https://github.com/tailscale/tailscale",
	}[path]
}
