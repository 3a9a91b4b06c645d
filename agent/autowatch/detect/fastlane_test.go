package detect

import "testing"

func TestFastlane(t *testing.T) { runSamples(t, languages(), fastlaneSamples()) }

func fastlaneSamples() []sample {
	return []sample{
		{
			about: "certificates of fastlane", path: "fastlane/Matchfile",
			text: "# git_url('x')\ngit_url('git@github.com:acme/certificates.git')\n",
			want: []string{"2 git@github.com:acme/certificates.git master branch"},
		},
		{
			about: "a branch", path: "Matchfile",
			text: "git_url \"https://github.com/acme/c\"\ngit_branch \"team\" # of all\n",
			want: []string{"1 https://github.com/acme/c team branch"},
		},
		{about: "none of git", path: "Matchfile", text: "storage_mode('s3')\n"},
	}
}
