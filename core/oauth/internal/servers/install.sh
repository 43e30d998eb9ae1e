#!/bin/sh
# Installs the servers with which stores and deployments are tested (Redis, PostgreSQL, PgBouncer and
# nginx) and systemd-analyze from Debian's packages, unless they are there. Without them the tests
# fail; make test does not skip them.
set -eu
missing=
command -v redis-server >/dev/null || missing="$missing redis-server"
command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ] || missing="$missing pgbouncer"
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || command -v initdb >/dev/null || missing="$missing postgresql"
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || missing="$missing nginx-light"
command -v systemd-analyze >/dev/null || missing="$missing systemd"
[ -n "$missing" ] || exit 0
if command -v apt-get >/dev/null; then
	sudo=; [ "$(id -u)" = 0 ] || sudo="sudo -n"
	# The tests start their own, so nothing is started here (RUNLEVEL).
	if $sudo apt-get -q update >/dev/null && $sudo env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing >/dev/null; then
		exit 0
	fi
fi
echo "setup: the tests of stores need$missing and could not install it; install it, or run the tests of your own part alone" >&2
exit 1
