#!/usr/bin/env bash
# Puts the files of a release into build/release: the npm tarball, the modules, their SHA-256, the
# notes of the version, and the tags to set (a Go module in a folder has its own tag). A version
# without a section in CHANGELOG.md gets the section Unreleased.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$(node -p 'require("./js/package.json").version')
out=build/release
rm -rf "$out" && mkdir -p "$out"
npm pack --silent --workspace js --pack-destination "$out" >/dev/null
cp wasm/*.wasm build/plugins/*.wasm build/plugins/*.wit LICENSE "$out"
notes() { awk -v want="## [$1]" 'index($0, want) == 1 {on = 1; next} /^## \[/ {on = 0} on' CHANGELOG.md; }
[ -n "$(notes "$version")" ] || version=Unreleased
notes "$version" >"$out/NOTES.md"
grep -q . "$out/NOTES.md" || { echo "release: CHANGELOG.md says nothing of $version" >&2; exit 1; }
echo "v$version" >"$out/TAGS"
for module in core/oauth/mcp/mcpsdk; do
	grep -qx "	github.com/oauth2-wasm/oauth2-wasm v$version" "$module/go.mod" || { echo "release: $module/go.mod requires another version than v$version" >&2; exit 1; }
	echo "$module/v$version" >>"$out/TAGS"
done
(cd "$out" && sha256sum ./*.wasm ./*.wit ./*.tgz | sed 's#\./##' | tee SHA256SUMS)
