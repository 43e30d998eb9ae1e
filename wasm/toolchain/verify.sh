#!/bin/sh
# Builds the three modules from a copy of the sources in another directory, with cold caches. It
# fails unless the result equals the committed bytes and imports nothing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
mkdir -p "$tmp/elsewhere"
(cd "$top" && tar cf - go.mod core wasm) | tar xf - -C "$tmp/elsewhere"
for module in oauth2 oauth2-full oauth2-edge; do
	case $module in oauth2) tags=page ;; oauth2-edge) tags=edge ;; *) tags= ;; esac
	TOOLCHAIN_DIR=${TOOLCHAIN_DIR:-$top/build/toolchain} GOCACHE="$tmp/cache" XDG_CACHE_HOME="$tmp/xdg" TAGS=$tags \
		"$tmp/elsewhere/wasm/toolchain/toolchain.sh" build "$tmp/$module.wasm"
	cmp "$top/wasm/$module.wasm" "$tmp/$module.wasm" || {
		echo "verify-wasm: wasm/$module.wasm is not what the sources give; run 'make wasm' and commit it" >&2
		exit 1
	}
	wasm-dis "$tmp/$module.wasm" -o "$tmp/$module.wat"
	if grep '^ (import' "$tmp/$module.wat"; then
		echo "verify-wasm: $module.wasm imports something" >&2
		exit 1
	fi
	echo "verify-wasm: $module.wasm $(sha256sum "$tmp/$module.wasm" | cut -c1-64), $(wc -c <"$tmp/$module.wasm") bytes, no imports, the same from another directory with cold caches"
done
