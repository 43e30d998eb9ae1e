#!/bin/sh
# Builds the Worker in Go into build/goworker: app.wasm, and Go's runtime. It renames at the end, so
# that a process which reads the files meanwhile gets the old ones.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p build/goworker
GOOS=js GOARCH=wasm go build -trimpath -ldflags='-s -w' -o "build/goworker/app.$$" ./edge/goworker
cp "$(go env GOROOT)/lib/wasm/wasm_exec.js" "build/goworker/exec.$$"
mv "build/goworker/app.$$" build/goworker/app.wasm
mv "build/goworker/exec.$$" build/goworker/go_wasm_exec.js
