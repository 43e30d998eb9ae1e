#!/bin/sh
# Installs the programs with which oauth2-token is tested (git, kubectl, three shells, and a keyring
# on its own D-Bus) from Debian's packages, unless they are there.
set -eu
missing=
for pair in git:git bash:bash zsh:zsh fish:fish gnome-keyring-daemon:gnome-keyring dbus-run-session:dbus-daemon dbus-daemon:dbus-daemon kubectl:kubernetes-client; do
	command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair#*:}"
done
[ -n "$missing" ] || exit 0
if command -v apt-get >/dev/null; then
	sudo=; [ "$(id -u)" = 0 ] || sudo="sudo -n"
	# shellcheck disable=SC2086
	if $sudo apt-get -q update >/dev/null && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing >/dev/null; then
		exit 0
	fi
fi
echo "setup: the tests of oauth2-token need$missing and could not install it" >&2
exit 1
