package detect

// languages are the detectors of package managers of programming languages.
func languages() []Detector {
	return []Detector{
		goModules(),
		npmManifests(), npmLocks(), yarnLocks(), pnpmFiles(), bunLocks(), bowerManifests(),
		pipRequirements(), pythonIni(), setupScripts(), pyprojects(), inlineScripts(), pipfiles(), pipfileLocks(),
		poetryLocks(), uvLocks(), pdmLocks(), standardLocks(), condaEnvironments(), tomlSources(),
		gemfiles(), gemfileLocks(), cargoManifests(), cargoLocks(), cargoVet(),
		composerManifests(), composerLocks(), mixFiles(), rebarFiles(),
		swiftManifests(), swiftLocks(), pubFiles(), juliaFiles(), shardFiles(), cabalProjects(), cmakeFiles(),
		podfiles(), podfileLocks(), cartfiles(), matchfiles(), rDescriptions(), rInstallers(), opamFiles(),
		platformio(), tomlDependencies(), lakeFiles(), unityPackages(), nimbleFiles(), janetProjects(), espComponents(),
		condaRecipes(), paketFiles(), xcodegenProjects(), mintfiles(), conanRecipes(),
	}
}
