#!/bin/sh
# Fetches the libraries that go.mod expects under lib/, from beside this
# repository: price at a release, greeting wherever its branch is.
set -eu
beside=$(git config remote.origin.url)
beside=${beside%/*}
git clone --quiet --branch v1.0.0 "$beside/price.git" lib/price
git clone --quiet --branch main "$beside/greeting.git" lib/greeting
