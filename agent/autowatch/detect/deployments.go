package detect

// deployments are the detectors of what builds, deploys and composes.
func deployments() []Detector {
	return []Detector{
		gitmodules(), terraform(), flakes(), devenvs(), nixFetchers(), nixPins(),
		ansibleGalaxy(), ansibleTasks(), puppetfiles(), puppetManifests(),
		kustomize(), helm(), kubernetes(), pods(), vendir(), jsonnetBundler(),
		west(), repoManifests(), vcstool(), gitman(),
		gitlabCI(), actions(), azurePipelines(), buildkite(), preCommit(), pipelineScripts(), cloudBuilds(), makefiles(), justfiles(), taskfiles(), topScripts(),
		dockerfiles(), compose(), bake(),
		buildout(), mxdev(), gitAggregator(), odooDependencies(), odooOnTravis(), doodbaAddons(),
		kas(), bitbake(), bazel(), mesonWraps(), snapcraft(), flatpaks(),
		buildConfigs(), zuul(), pkgbuilds(), rpmSpecs(), tmt(), kolla(),
		concourse(), anyboxManifests(), pipelinePrograms(), jenkins(), buildpacks(), foundry(),
		lefthooks(), antora(), espHome(), earthfiles(), openwrtFeeds(), jekyllThemes(), gitSync(), frappeApps(), nomad(), talos(),
		vagrantfiles(), packerTemplates(), cloudConfigs(), saltStates(), chefRecipes(), puppetFixtures(), tiltfiles(), sourcehutBuilds(), devboxes(),
	}
}
