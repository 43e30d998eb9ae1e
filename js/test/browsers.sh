#!/bin/sh
# Installs the browsers of the tests (Chromium, Firefox, and WebKitGTK with its WebDriver) from
# Debian's packages, unless they are in the usual places (CHROMIUM, FIREFOX and WEBKIT name others).
# If one is missing, the tests fail; they are never skipped.
set -eu

missing=
# need PACKAGES PATH... : unless one of the paths exists, the packages are needed.
need() {
	packages=$1
	shift
	for path in "$@"; do
		[ -n "$path" ] && [ -x "$path" ] && return
	done
	missing="$missing $packages"
}
look() {
	missing=
	need chromium "${CHROMIUM:-}" /usr/bin/chromium /usr/bin/chromium-browser /usr/bin/google-chrome
	need firefox-esr "${FIREFOX:-}" /usr/bin/firefox-esr /usr/bin/firefox
	need webkit2gtk-driver "${WEBKIT:-}" /usr/lib/*/webkit2gtk-4.1/MiniBrowser
	need webkit2gtk-driver /usr/bin/WebKitWebDriver
	need xvfb /usr/bin/Xvfb
}

look
[ -n "$missing" ] || exit 0
if command -v apt-get >/dev/null; then
	sudo=; [ "$(id -u)" = 0 ] || sudo="sudo -n"
	# shellcheck disable=SC2086
	$sudo apt-get -q update >/dev/null && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing >/dev/null || true
	look
fi
[ -n "$missing" ] || exit 0
echo "setup: the tests need what these Debian packages have, and could not install it:$missing (browsers elsewhere: set CHROMIUM, FIREFOX, WEBKIT to their paths)" >&2
exit 1
