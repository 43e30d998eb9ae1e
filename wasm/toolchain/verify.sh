#!/bin/sh
# Builds oauth2.wasm from a copy of the sources in another directory, with cold caches, and fails unless the committed bytes come out and import nothing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
mkdir -p "$tmp/elsewhere"
(cd "$top" && tar cf - go.mod core wasm) | tar xf - -C "$tmp/elsewhere"
TOOLCHAIN_DIR=${TOOLCHAIN_DIR:-$top/build/toolchain} GOCACHE="$tmp/cache" XDG_CACHE_HOME="$tmp/xdg" \
	"$tmp/elsewhere/wasm/toolchain/toolchain.sh" build "$tmp/oauth2.wasm"
cmp "$top/wasm/oauth2.wasm" "$tmp/oauth2.wasm" || {
	echo "verify-wasm: wasm/oauth2.wasm is not what the sources give; run 'make wasm' and commit it" >&2
	exit 1
}
wasm-dis "$tmp/oauth2.wasm" -o "$tmp/oauth2.wat"
if grep '^ (import' "$tmp/oauth2.wat"; then
	echo "verify-wasm: the module imports something" >&2
	exit 1
fi
echo "verify-wasm: $(sha256sum "$tmp/oauth2.wasm" | cut -c1-64), $(wc -c <"$tmp/oauth2.wasm") bytes, no imports, the same from another directory with cold caches"
