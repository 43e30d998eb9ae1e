#!/bin/sh
# Builds the Worker in Go into build/goworker: app.wasm, and Go's runtime under a name of its own.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p build/goworker
GOOS=js GOARCH=wasm go build -trimpath -ldflags='-s -w' -o build/goworker/app.wasm ./edge/goworker
cp "$(go env GOROOT)/lib/wasm/wasm_exec.js" build/goworker/go_wasm_exec.js
