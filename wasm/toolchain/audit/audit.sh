#!/usr/bin/env bash
# Searches the dependencies for known vulnerabilities: npm audit for each package-lock.json,
# govulncheck for each go.mod, and go mod verify, which needs no database. If a database cannot be
# reached, the script prints "not checked: …" and does not fail.
set -uo pipefail
cd "$(dirname "$0")/../../.."
root=$PWD
failed=0
unasked() { echo "not checked: $1"; }

for lock in $(git ls-files '*package-lock.json' package-lock.json | sort -u); do
	folder=$(dirname "$lock")
	said=$(cd "$folder" && npm audit --json 2>/dev/null)
	case $(node -e 'try { const r = JSON.parse(process.argv[1]); console.log(r.auditReportVersion ? r.metadata.vulnerabilities.total : "none") } catch { console.log("none") }' -- "$said") in
	0) echo "npm audit: $lock: nothing known" ;;
	none) unasked "npm audit: $lock: the registry gives no advisories here" ;;
	*)
		(cd "$folder" && npm audit)
		failed=1
		;;
	esac
done

mkdir -p build
if ! (cd wasm/toolchain/audit && go build -o "$root/build/govulncheck" golang.org/x/vuln/cmd/govulncheck); then
	unasked "govulncheck: it cannot be built here"
fi
for mod in $(git ls-files '*go.mod' go.mod | sort -u); do
	folder=$(dirname "$mod")
	(cd "$folder" && go mod verify >"$root/build/audit.log" 2>&1)
	status=$?
	echo "go mod verify: $mod: $(tail -1 build/audit.log)"
	[ $status = 0 ] || failed=1
	[ -x build/govulncheck ] || continue
	# A module without packages exists for its tools.
	what=./...
	[ -n "$(cd "$folder" && go list ./... 2>/dev/null)" ] || what=tool
	(cd "$folder" && "$root/build/govulncheck" "$what" >"$root/build/audit.log" 2>&1)
	status=$?
	if [ $status = 0 ]; then
		echo "govulncheck: $mod: nothing known"
	elif grep -qE 'fetching vulnerabilities|no such host|dial tcp' build/audit.log; then
		unasked "govulncheck: $mod: its database cannot be reached"
	elif grep -q 'errors with the provided package patterns' build/audit.log; then
		unasked "govulncheck: $mod: its packages do not build here (TinyGo needs what make toolchain installs)"
	else
		cat build/audit.log
		failed=1
	fi
done
exit $failed
