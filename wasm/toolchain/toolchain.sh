#!/bin/sh
# Installs TinyGo for oauth2.wasm, and builds with it.
#   toolchain.sh install          into build/toolchain; Debian packages by apt-get
#   toolchain.sh build OUT [OPT]  build wasm/module; OPT is TinyGo's -opt (default z). TAGS=page: without what pages
#                                 never use; TAGS=edge: with the kind "bff"
#   toolchain.sh names OUT        the same with the names of functions left in, for size.mjs
#   toolchain.sh plain OUT        the same with WebAssembly's usual ABI, in case LLVM drops the multivalue one
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
tools=${TOOLCHAIN_DIR:-$top/build/toolchain}

packages() { grep -v '^#' "$here/packages.txt"; }

# stamp names what the installed toolchain was made from.
stamp() { echo "$version $(cat "$here/toolchain.sh" "$here"/go.* "$here"/runtime/* "$here"/compiler/* | sha256sum | cut -c1-16)"; }

install_all() {
	missing=$(packages | while read -r name _; do
		dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || echo "$name"
	done)
	if [ -n "$missing" ]; then
		command -v apt-get >/dev/null || {
			echo "toolchain: needs the Debian packages:" $missing >&2; exit 1; }
		sudo=; [ "$(id -u)" = 0 ] || sudo=sudo
		$sudo apt-get -q update
		# shellcheck disable=SC2086
		$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
	fi
	packages | while read -r name version; do
		have=$(dpkg-query -W -f='${Version}' "$name")
		[ "$have" = "$version" ] || echo "toolchain: $name is $have, the committed module was built with $version: bytes may differ" >&2
	done
	version=$(cd "$here" && go list -m -f '{{.Version}}' github.com/tinygo-org/tinygo)
	if [ ! -x "$tools/tinygo" ] || [ "$(cat "$tools/version" 2>/dev/null)" != "$(stamp)" ]; then
		rm -rf "$tools" && mkdir -p "$tools"
		(cd "$here" && go mod download)
		cp -r "$(cd "$here" && go list -m -f '{{.Dir}}' github.com/tinygo-org/tinygo)" "$tools/root"
		chmod -R u+w "$tools/root"
		# compiler/tinygo.patch says what of the compiler is changed, and why.
		(cd "$tools/root" && patch -sp1) <"$here/compiler/tinygo.patch"
		cp "$here/compiler/capture.go" "$tools/root/compiler"
		cp "$here/go.mod" "$here/go.sum" "$tools"
		go mod edit -replace "github.com/tinygo-org/tinygo=$tools/root" "$tools/go.mod"
		(cd "$here" && go build -modfile="$tools/go.mod" -tags=llvm19 -o "$tools/tinygo" github.com/tinygo-org/tinygo)
		# The module archive lacks the net submodule; the module never uses it, the loader only wants it there.
		mkdir -p "$tools/root/src/net" && echo 'package net' >"$tools/root/src/net/net.go"
		# A heap that is collected between calls only (runtime/gc_boundary.go says why).
		cp "$here/runtime/gc_boundary.go" "$tools/root/src/runtime/gc_leaking.go"
		# Functions that C programs may miss, exported by TinyGo: nobody calls them, and a module has the
		# exports that its contract names.
		sed -i '/^\/\/export f\(min\|max\)imumf\{0,1\}$/d' "$tools/root/src/runtime/float.go"
		stamp >"$tools/version"
	fi
	echo "toolchain: tinygo $version in $tools"
}

# compile OUT OPT FLAGS TARGET: wasm/module by TinyGo. No wasm-opt: its passes save a sixtieth raw, and brotli packs what is left
# 1 to 2 % worse.
compile() {
	[ -x "$tools/tinygo" ] || { echo "toolchain: run 'make toolchain' first" >&2; exit 1; }
	cd "$top"
	# The linker's cache knows sources and not flags, so each target has a cache of its own.
	GOCACHE=$(go env GOCACHE) XDG_CACHE_HOME="${XDG_CACHE_HOME:-$HOME/.cache}/oauth2-wasm/$(sha256sum "$4" | cut -c1-16)" \
		PATH="/usr/lib/llvm-19/bin:$PATH" WASMOPT="$here/keep.sh" TINYGOROOT="$tools/root" GOFLAGS= \
		"$tools/tinygo" build -buildmode=c-shared -target="$4" -opt="$2" $3 -panic=trap -tags="${TAGS:-}" -o "$1" ./wasm/module
}

# compile_as EDIT OUT FLAGS: the same with target.json edited by sed.
compile_as() {
	edited=$(mktemp --suffix .json)
	sed "$1" "$here/target.json" >"$edited"
	compile "$2" z "$3" "$edited"
	rm "$edited"
}

case ${1:-} in
install) install_all ;;
build) compile "$2" "${3:-z}" -no-debug "$here/target.json" ;;
names) compile_as 's/"--strip-all", //' "$2" "" ;;
plain) compile_as 's/+multivalue/-multivalue/; s/, "-mmultivalue"//; s/"-mllvm", "-target-abi=experimental-mv", //' "$2" -no-debug ;;
*) echo "usage: toolchain.sh install | build OUT [OPT] | names OUT | plain OUT" >&2; exit 2 ;;
esac
