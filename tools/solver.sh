#!/usr/bin/env bash
# Fetches the exact solver's library if it is not there, and prints its path as
# the last line: OR-Tools (Apache-2.0) as published in the Python package
# ortools; Python is not needed to use it. Version and checksums are pinned; the
# libraries live in the user's cache folder, where the program looks for them.
# With --try a failure, or two minutes of waiting, is one line and no error.
set -eu

version=9.15.6755
case "$(uname -s)-$(uname -m)" in
Linux-x86_64) platform=manylinux_2_28_x86_64 library=libortools.so.9
	sha256=033836c0eb33bc72697a299e0caedbb25fc9d1cee0b13832d69cb30405f57b3e ;;
Linux-aarch64) platform=manylinux_2_28_aarch64 library=libortools.so.9
	sha256=3cd6bec0a2e00e3891a53e3b436f45a1000269f302085572f49e9856b7f8eaf0 ;;
Darwin-arm64) platform=macosx_11_0_arm64 library=libortools.9.dylib
	sha256=1e16686c2b457fa6242c474ab890ee1712347ab53678e0d2fab307ae03e97a4b ;;
Darwin-x86_64) platform=macosx_10_15_x86_64 library=libortools.9.dylib
	sha256=ae1c6e1fd844b4d756b22eb6c0ed574ea4342ee206d807c4f903039e748228fa ;;
*) platform= library= sha256= ;;
esac

if [ "${1:-}" = --try ]; then
	limit=
	if command -v timeout >/dev/null 2>&1; then limit="timeout 120"; fi
	$limit "$0" || echo "going on without the exact solver; make solver fetches it" >&2
	exit 0
fi

if [ -n "${STRATA_ORTOOLS_LIB:-}" ]; then
	[ -e "$STRATA_ORTOOLS_LIB" ] || { echo "STRATA_ORTOOLS_LIB names $STRATA_ORTOOLS_LIB, which does not exist" >&2; exit 1; }
	echo "$STRATA_ORTOOLS_LIB"
	exit 0
fi
if [ -z "$platform" ]; then
	echo "no OR-Tools library is published for $(uname -s) on $(uname -m)" >&2
	exit 1
fi

cache=${XDG_CACHE_HOME:-$HOME/.cache}
[ "$(uname -s)" = Darwin ] && cache=$HOME/Library/Caches
cache=$cache/strata
folder=$cache/ortools-$version
path=$folder/ortools/.libs/$library

if [ ! -e "$path" ]; then
	mkdir -p "$cache"
	work=$(mktemp -d "$cache/fetch.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	echo "fetching ortools $version (29 MiB)" >&2
	echo "ortools==$version --hash=sha256:$sha256" >"$work/requirements.txt"
	python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
		--python-version 312 --platform "$platform" -r "$work/requirements.txt" -d "$work" >&2
	# The libraries find each other by their relative places: keep them.
	python3 - "$work" <<-'PY'
		import glob, sys, zipfile
		work = sys.argv[1]
		with zipfile.ZipFile(glob.glob(work + "/*.whl")[0]) as z:
		    wanted = [n for n in z.namelist() if n.startswith(("ortools/.libs/", "ortools.libs/", "ortools/.dylibs/")) or n.endswith("/licenses/LICENSE")]
		    z.extractall(work + "/unpacked", wanted)
	PY
	[ -e "$work/unpacked/ortools/.libs/$library" ] || { echo "the package holds no ortools/.libs/$library" >&2; exit 1; }
	if [ ! -e "$path" ]; then # else another make was quicker
		rm -rf "$folder"
		mv "$work/unpacked" "$folder"
	fi
fi
echo "$path"
