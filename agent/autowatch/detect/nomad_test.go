package detect

import "testing"

func TestNomad(t *testing.T) {
	runSamples(t, []Detector{nomad()}, []sample{
		{about: "artifacts of a job", path: "jobs/site.nomad.hcl", text: `variable "name" {
  default = "main"
}
variable "unset" { type = string }
job "site" {
  group "web" {
    task "nginx" {
      artifact {
        source      = "git::https://git.example.test/o/site//public"
        destination = "local/site"
      }
      artifact { source = "github.com/o/theme?ref=dev" }
      artifact {
        source = "https://raw.githubusercontent.com/o/config/${var.name}/a.yml"
      }
      artifact { source = "https://releases.example.test/a.tar.gz" }
      artifact { source = "https://raw.githubusercontent.com/o/config/${ var.unset }/a.yml" }
    }
  }
}
`, want: []string{
			"9 https://git.example.test/o/site - any tag-first",
			"12 https://github.com/o/theme dev any tag-first",
			"14 https://github.com/o/config main any",
		}, fails: "computed"},
		{about: "no job", path: "terragrunt.hcl", text: "terraform {\n  source = \"git::https://git.example.test/o/r\"\n}\n"},
	})
}
