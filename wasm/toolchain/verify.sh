#!/bin/sh
# Builds the three modules from a copy of the sources in another directory, with cold caches. It
# fails unless the result equals the committed bytes and imports nothing. Then it builds them without
# the multivalue ABI, which LLVM may drop, and replays all transcripts on these modules.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
mkdir -p "$tmp/elsewhere"
(cd "$top" && tar cf - go.mod go.sum core wasm) | tar xf - -C "$tmp/elsewhere"

# build_module WAY MODULE: one module, in its file under $tmp.
build_module() {
	case $2 in oauth2) tags=page ;; oauth2-edge) tags=edge ;; *) tags= ;; esac
	TOOLCHAIN_DIR=${TOOLCHAIN_DIR:-$top/build/toolchain} GOCACHE="$tmp/cache" XDG_CACHE_HOME="$tmp/xdg" TAGS=$tags \
		"$tmp/elsewhere/wasm/toolchain/toolchain.sh" "$1" "$tmp/$2.wasm"
}

for module in oauth2 oauth2-full oauth2-edge; do
	build_module build $module
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

for module in oauth2 oauth2-full oauth2-edge; do
	build_module plain $module
	! cmp -s "$tmp/$module.wasm" "$top/wasm/$module.wasm" || { echo "verify-wasm: $module.wasm has one ABI only" >&2; exit 1; }
	cp "$tmp/$module.wasm" "$tmp/elsewhere/wasm" # where the tests of the copy embed it
done
(cd "$tmp/elsewhere" && go test -v -count=1 -run 'Transcripts$' ./wasm >"$tmp/plain" 2>&1) &&
	[ "$(grep -c '^--- PASS: Test.*Transcripts' "$tmp/plain")" = 4 ] || { # full, page, edge, and in a pool
	grep -v '^ *--- PASS\|^=== ' "$tmp/plain" >&2
	echo "verify-wasm: with WebAssembly's usual ABI the modules do not pass" >&2
	exit 1
}
echo "verify-wasm: all transcripts pass with WebAssembly's usual ABI, too; $(cat "$tmp"/elsewhere/wasm/oauth2*.wasm | wc -c) bytes"
