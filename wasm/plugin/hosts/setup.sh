#!/bin/sh
# Installs a C compiler for the hosts in C, unless there is one. wasmtime comes with a Go module.
set -eu
command -v cc >/dev/null && exit 0
if command -v apt-get >/dev/null; then
	sudo=; [ "$(id -u)" = 0 ] || sudo="sudo -n"
	if $sudo apt-get -q update >/dev/null && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends gcc libc6-dev >/dev/null; then
		exit 0
	fi
fi
echo "plugin-test: needs a C compiler (cc) and could not install one" >&2
exit 1
