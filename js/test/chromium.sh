#!/bin/sh
# Sees to a Chromium for the tests: CHROMIUM, or the usual places, or Debian's package. Without one the tests fail; they are never skipped.
set -eu
for c in "${CHROMIUM:-}" /usr/bin/chromium /usr/bin/chromium-browser /usr/bin/google-chrome; do
	[ -n "$c" ] && [ -x "$c" ] && exit 0
done
if command -v apt-get >/dev/null; then
	sudo=; [ "$(id -u)" = 0 ] || sudo="sudo -n"
	if $sudo apt-get -q update >/dev/null && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends chromium >/dev/null; then
		exit 0
	fi
fi
echo "setup: the tests need Chromium and could not install it; install it and set CHROMIUM to its path" >&2
exit 1
