package detect

import "testing"

func TestStepValues(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "what steps print for later ones", path: ".github/workflows/x.yml", text: `env:
  OWN: kept
jobs:
  build:
    steps:
      - run: |
          echo BRANCH=first >> $GITHUB_ENV
          if [ '${{ vars.BRANCH }}' != '' ]; then
            echo "BRANCH=${{ vars.BRANCH }}" >> $GITHUB_ENV
          else
            echo BRANCH=live >> "$GITHUB_ENV"
          fi
          echo "OWN=other" >> ${GITHUB_ENV}
          echo "COMPUTED=$(date)" >> $GITHUB_ENV
      - id: pick
        run: echo 'name=next' | tee -a $GITHUB_OUTPUT
      - uses: actions/checkout@v4
        with: {repository: o/one, ref: "${{ env.BRANCH }}"}
      - uses: actions/checkout@v4
        with: {repository: o/two, ref: "${{ steps.pick.outputs.name }}"}
      - uses: actions/checkout@v4
        with: {repository: o/three, ref: "${{ env.OWN }}"}
      - uses: actions/checkout@v4
        with: {repository: o/four, ref: "${{ env.COMPUTED }}"}
      - run: git clone -b $BRANCH https://github.com/o/five
  other:
    steps:
      - run: git clone -b $BRANCH https://github.com/o/six
`, want: []string{
			"17 https://github.com/actions/checkout v4 any tag-first",
			"18 https://github.com/o/one live any",
			"20 https://github.com/o/two next any",
			"22 https://github.com/o/three kept any",
			"25 https://github.com/o/five live any",
		}, fails: "line 24: the name of the branch is computed"},
	})
}
