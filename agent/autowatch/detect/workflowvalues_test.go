package detect

import "testing"

func TestTokensInCommands(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "tokens", path: ".github/workflows/x.yml", text: `jobs:
  build:
    steps:
      - run: git clone https://x-access-token:${{ secrets.TOKEN }}@github.com/o/one -b dev
      - run: |
          git clone "https://${{ secrets.TOKEN }}@github.com/o/two" two
          pip install git+https://${{secrets.TOKEN}}@github.com/o/three@main
          git clone https://${{ secrets.TOKEN }}@github.com/${{ inputs.repo }}
`, want: []string{
			"4 https://github.com/o/one dev any",
			"6 https://github.com/o/two - any",
			"7 https://github.com/o/three main any",
		}},
	})
}
