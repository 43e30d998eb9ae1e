#!/usr/bin/env bash
# Runs every fuzz target with that many inputs: fuzz.sh 5000x. Each package is built once, however
# many targets it has, and all targets run even if some fail. The Go build cache keeps interesting
# inputs for later runs.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p build/fuzz
passed=0 failed=0
for folder in $(grep -rlE '^func Fuzz' core wasm --include='*_test.go' | xargs -n1 dirname | sort -u); do
	binary=$PWD/build/fuzz/${folder//\//-}.test
	go test -c -fuzz=Fuzz -o "$binary" "./$folder" # -fuzz instruments it
	for target in $(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*).*/\1/p' "$folder"/*_test.go); do
		began=$SECONDS
		if (cd "$folder" && "$binary" -test.run='^$' -test.fuzz="^$target\$" -test.fuzztime="$1" -test.fuzzminimizetime=5x \
			-test.fuzzcachedir="$(go env GOCACHE)/fuzz/oauth2-wasm/$folder") >build/fuzz/log 2>&1; then
			passed=$((passed + 1))
		else
			failed=$((failed + 1))
			cat build/fuzz/log
			echo "FAILED"
		fi
		echo "fuzz $folder $target: $((SECONDS - began)) s"
	done
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
