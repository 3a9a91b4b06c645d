package detect

import "testing"

func TestJenkins(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "the step git", path: "Jenkinsfile", text: `pipeline {
  environment { LINE = 'stable/2' }
  stages {
    stage('get') { steps {
      // git url: 'https://github.com/o/no', branch: 'main'
      git url: 'https://github.com/o/a', branch: 'main'
      git branch: env.LINE, poll: false,
        url: "https://github.com/o/${NAME}.git"
      git(branch: LINE, credentialsId: 'x', url: 'git@git.example.test:o/b.git')
      git 'https://github.com/o/c'
      git branch: "${LINE}-next", url: 'https://github.com/o/d'
      git branch: other(), url: 'https://github.com/o/computed'
      sh 'git status'
    } }
  }
}
`, want: []string{
			"6 https://github.com/o/a main any", "9 git@git.example.test:o/b.git stable/2 any", "10 https://github.com/o/c master any", "11 https://github.com/o/d stable/2-next any",
		}},
		{about: "a choice in brackets", path: "test.jenkinsfile", text: `parameters {
  string(name: 'PR', defaultValue: '')
  string(name: 'BRANCH', defaultValue: 'main')
}
checkout(scm: [
  branches: [[name: (params.PR ? "pr/${params.PR}/head" : params.BRANCH)]],
  userRemoteConfigs: [[url: 'https://github.com/o/a']],
])
checkout(scm: [branches: [[name: (what ?: x)]], userRemoteConfigs: [[url: 'https://github.com/o/no']]])
checkout(scm: [branches: [[name: (what ? f(x) : 'no')]], userRemoteConfigs: [[url: 'https://github.com/o/no']]])
`, want: []string{"5 https://github.com/o/a main any"}},
		{about: "checkout", path: "ci/release.jenkinsfile", text: `def line = params.LINE ?: 'main'
node {
  checkout scm
  checkout([$class: 'GitSCM',
    branches: [[name: '*/develop']], extensions: [[$class: 'CloneOption', name: 'x']],
    userRemoteConfigs: [[name: 'up', url: 'https://github.com/o/a']]])
  checkout scmGit(branches: [[name: line]], userRemoteConfigs: [[url: 'https://github.com/o/b']])
  checkout scmGit(branches: [[name: '**']], userRemoteConfigs: [[url: 'https://github.com/o/any']])
  checkout scmGit(userRemoteConfigs: [[url: 'https://github.com/o/c']])
}
`, want: []string{"4 https://github.com/o/a develop any", "7 https://github.com/o/b main any", "9 https://github.com/o/c - any"}},
		{about: "parameters, and a default that a shell prints", path: "vars/all.groovy", text: `string(name: 'KIT', defaultValue: 'main', description: 'x')
env.LINE = sh(script: 'echo ${LINE:-"stable/1"}', returnStdout: true).trim()
NEXT = params.NEXT ? params.NEXT : "next"
OTHER = "a" + b
git url: 'https://github.com/o/kit', branch: params.KIT
git url: 'https://github.com/o/line', branch: env.LINE
git url: 'https://github.com/o/next', branch: NEXT
git url: 'https://github.com/o/other', branch: OTHER
library identifier: 'steps@2.x', retriever: modernSCM([$class: 'GitSCMSource', remote: 'https://github.com/o/steps.git'])
library 'shared@main'
`, want: []string{
			"5 https://github.com/o/kit main any", "6 https://github.com/o/line stable/1 any", "7 https://github.com/o/next next any", "9 https://github.com/o/steps.git 2.x any",
		}},
		{about: "a script that is given a variable", path: "Jenkinsfile_CNP", text: `def rules = "live"
def twice = "a"
twice = "b"
sh """
./bin/pull.sh ${rules}
./bin/pull.sh ${twice}
"""
`, beside: map[string]string{"bin/pull.sh": "name=$1\ngit clone https://github.com/o/rules.git\ncd rules\ngit checkout ${name}\n"}, want: []string{"2 https://github.com/o/rules.git live any tag-first"}},
		{about: "no end", path: "Jenkinsfile", text: "git url: 'https://github.com/o/a', branch: ((([[[\n\"git ("},
	})
}
