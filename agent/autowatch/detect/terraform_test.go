package detect

import "testing"

func TestTerraform(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "sources of modules", path: "infra/main.tf", text: `terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws" # a provider is no module
      version = "~> 5.0"
    }
  }
}

module "vpc" {
  source  = "terraform-aws-modules/vpc/aws"
  version = "5.1.0"
}
module "dns" { source = "git::https://git.example.test/dns.git//modules/zone?ref=main&depth=1" }
module "ssh" {
  # source = "git::https://git.example.test/old.git?ref=main"
  /* source = "git::https://git.example.test/older.git?ref=main"
  */
  source = "git::ssh://git@github.com/o/net.git?ref=v1.2.0"   // the network
  tags = {
    source = "git::https://git.example.test/no.git?ref=main"
  }
}
module "scp"    {
  source="git@github.com:o/scp.git//sub?ref=develop"
}
module "forced" {
  source = "git::git@github.com:o/forced.git"
}
module "colon" {
  source = "git::ssh://git@github.com:o/colon.git?ref=x"
}
module "forge"  {
  source = "github.com/o/forge//modules/a?ref=feature/b"
}
module "cloud"  {
  source = "bitbucket.org/o/cloud"
}
module "hg"     {
  source = "hg::http://hg.example.test/repo?rev=stable"
}
module "local"  {
  source = "../modules/local"
}
module "archive" {
  source = "https://example.test/vpc.zip"
}
module "bucket" {
  source = "s3::https://s3-eu-west-1.amazonaws.com/b/vpc.zip"
}
module "pinned" {
  source = "git::https://git.example.test/p.git?ref=` + hash + `"
}
resource "x" "y" {
  source = "git::https://git.example.test/no.git?ref=main"
  policy = <<-EOT
    }
    module "no" {
      source = "git::https://git.example.test/no.git?ref=main"
    resource {
  EOT
  text = "module \"no\" { ${jsonencode({ source = "git::https://no.test/x.git" })}"
}
module "after" {
  source = "git::https://git.example.test/after.git"
}
`, want: []string{
			"14 https://git.example.test/dns.git main any",
			"19 ssh://git@github.com/o/net.git v1.2.0 any tag-first",
			"25 git@github.com:o/scp.git develop any tag-first",
			"28 git@github.com:o/forced.git - any tag-first",
			"31 git@github.com:o/colon.git x any tag-first",
			"34 https://github.com/o/forge feature/b any tag-first",
			"37 https://bitbucket.org/o/cloud - any tag-first",
			"40 http://hg.example.test/repo stable any tag-first hg",
			"52 https://git.example.test/p.git " + hash + " commit tag-first",
			"65 https://git.example.test/after.git - any tag-first",
		}},
		{about: "refs in part", path: "a.tf", text: "module x {\n  source = \"git::https://git.example.test/x.git?ref=tags/0.1.0\"\n}\nmodule y {\n  source = \"git::https://git.example.test/y.git?ref=heads/main\"\n}\n" +
			"module z {\n  source = \"git::https://git.example.test/<z>.git\"\n}\n",
			want:  []string{"2 https://git.example.test/x.git 0.1.0 tag", "5 https://git.example.test/y.git main branch"},
			fails: "line 8: neither a branch nor an address looks like this"},
		{about: "computed", path: "a.tf", text: `module "x" {
  source = "git::https://git.example.test/x.git?ref=${var.ref}"
}`, fails: "a.tf: line 2: the name of the branch is computed"},
		{about: "JSON", path: "a.tf.json", text: `{
  "module": {
    "net": {
      "source": "git::https://git.example.test/net.git?ref=main"
    },
    "more": [{"source": "./here"}]
  }
}`, want: []string{"4 https://git.example.test/net.git main any tag-first"}},
		{about: "terragrunt with locals", path: "live/qa/terragrunt.hcl", text: `include "env" {
  path = "${dirname(find_in_parent_folders("root.hcl"))}/_envcommon/mysql.hcl"
  expose = true
}
locals { version = "v1" }
terraform {
  source = "${include.env.locals.base_source_url}?ref=${local.version}"
}
`, beside: map[string]string{"../../_envcommon/mysql.hcl": "locals {\n  base_source_url = \"git::git@github.com:o/m.git//mysql\"\n}\n"},
			want: []string{"7 git@github.com:o/m.git v1 any tag-first"}},
		{about: "terragrunt with what is elsewhere", path: "x/terragrunt.hcl", text: "terraform {\n  source = \"${local.base}?ref=x\"\n}\n",
			fails: "line 2: the address is computed"},
		{about: "terragrunt", path: "live/terragrunt.hcl", text: `include "root" {
  path = find_in_parent_folders()
}
terraform {
  source = "git::git@github.com:o/modules.git//app?ref=v0.7.0"
  extra_arguments "x" { source = "git::https://no.test/x" }
}
dependency "x" { config_path = "../x" }
`, want: []string{"5 git@github.com:o/modules.git v0.7.0 any tag-first"}},
	})
}

func TestTerraformFiles(t *testing.T) {
	runSamples(t, []Detector{terraform()}, []sample{{about: "files that are read", path: "main.tf", text: `locals {
  crds = {
    a = "https://raw.githubusercontent.com/o/a/release-1/crd.yaml"
    b = "https://raw.githubusercontent.com/o/b/${local.version}/crd.yaml"
  }
  c = "https://example.test/x"
}
data "http" "d" {
  url = "https://raw.githubusercontent.com/o/d/main/x.json"
}
data "other" "e" {
  url = "https://raw.githubusercontent.com/o/no/main/x.json"
}
variable "f" { default = "https://raw.githubusercontent.com/o/no/main/x.json" }
`, want: []string{"3 https://github.com/o/a release-1 any", "9 https://github.com/o/d main any"}}})
}

func TestTerraformCommands(t *testing.T) {
	runSamples(t, []Detector{terraform()}, []sample{
		{about: "a provisioner", path: "images.tf", text: `resource "null_resource" "clone" {
  provisioner "local-exec" {
    command = "rm -rf /tmp/a && git clone 'https://github.com/o/a.git' /tmp/a"
  }
  command = "git clone https://github.com/o/no"
}
`, want: []string{"3 https://github.com/o/a.git - any"}},
		{about: "a hook of Terragrunt", path: "live/terragrunt.hcl", text: `terraform {
  source = "./x"
  before_hook "get" {
    commands = ["apply", "plan"]
    execute  = [
      "git", "clone", "-b", "main", "https://github.com/o/b.git", # the rest
    ]
  }
  after_hook "other" { execute = ["echo", local.text, "git clone https://github.com/o/no"] }
}
locals { list = ["git", "clone", "https://github.com/o/no"] }
`, want: []string{"5 https://github.com/o/b.git main any"}},
	})
}
