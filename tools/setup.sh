#!/usr/bin/env bash
# Makes sure the programs that the build needs are there: installs them through
# apt where it may, otherwise prints the one command to type and stops.
set -eu

missing=()
need() { command -v "$1" >/dev/null 2>&1 || missing+=("$2"); }
need gcc gcc
need python3 python3
python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
[ -e /usr/include/stdio.h ] || missing+=(libc6-dev)

if ! command -v go >/dev/null 2>&1; then
	echo "strata needs Go 1.26 or newer: https://go.dev/dl" >&2
	exit 1
fi
# The window's headers: wanted, not needed (servers build without them).
if [ "${HEADLESS:-}" != 1 ] && [ "$("$(dirname "$0")/tags.sh")" = headless ]; then
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
		missing+=(libgl1-mesa-dev xorg-dev)
	else
		echo "built without its window; for the window type once: sudo apt-get install -y libgl1-mesa-dev xorg-dev" >&2
	fi
fi
# A virtual display with its input, for the test that drives the real window, the
# bench and the soak: wanted, not needed (the test says when it was not run).
if [ "${1:-}" = display ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 && [ "$(uname)" = Linux ]; then
	for p in Xvfb:xvfb xvfb-run:xvfb xauth:xauth xdotool:xdotool; do need "${p%:*}" "${p#*:}"; done
	[ -e /usr/lib/"$(uname -m)"-linux-gnu/dri/swrast_dri.so ] || missing+=(libgl1-mesa-dri)
fi
[ ${#missing[@]} -eq 0 ] && exit 0

install="apt-get install -y --no-install-recommends ${missing[*]}"
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "installing ${missing[*]}" >&2
	apt-get update -qq >&2
	DEBIAN_FRONTEND=noninteractive $install >&2
else
	echo "please type this once, then run make again:" >&2
	echo "  sudo $install" >&2
	exit 1
fi
