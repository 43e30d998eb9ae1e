#!/bin/sh
# Checks that the pure packages import nothing that reads a clock, makes random bytes, does I/O,
# reflects or formats, and that the wazero host does not import the native engine: it can run only
# the module.
set -eu
bad=0
# As TinyGo builds it for the modules, and as Go builds it for hosts in Go, which use SHA-256 of
# crypto/sha256.
for tags in edge,tinygo edge page,tinygo; do
	for pkg in $(go list ./core ./core/bff ./core/resource ./core/internal/... ./wasm/module); do
		for dep in $(go list -tags "$tags" -f '{{join .Imports " "}}' "$pkg"); do
			case $tags:${pkg##*/}:$dep in edge:sha256:crypto/sha256) continue ;; esac
			case $dep in
			unicode/utf8 | github.com/oauth2-wasm/oauth2-wasm/core | github.com/oauth2-wasm/oauth2-wasm/core/bff | github.com/oauth2-wasm/oauth2-wasm/core/resource | github.com/oauth2-wasm/oauth2-wasm/core/internal/*) ;;
			unsafe) [ "${pkg##*/}" = module ] || { echo "purity: $pkg imports unsafe" >&2; bad=1; } ;;
			*) echo "purity: $pkg imports $dep, tags $tags" >&2; bad=1 ;;
			esac
		done
	done
done
for dep in $(go list -deps ./wasm | grep '/oauth2-wasm/core' || true); do
	case $dep in
	*/core/oauth | */core/oauth/internal/* | */core/internal/escape | */core/internal/address | */core/internal/words) ;;
	*) echo "purity: package wasm depends on $dep" >&2; bad=1 ;;
	esac
done
if grep -nE '^[[:space:]]*go (func|[a-z])' core/*.go core/bff/*.go core/resource/*.go core/internal/*/*.go wasm/module/*.go | grep -v _test.go; then
	echo "purity: a goroutine" >&2; bad=1
fi
[ $bad = 0 ] && echo "purity: the core is pure"
