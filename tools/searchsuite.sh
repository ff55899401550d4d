#!/bin/sh
# Makes the instances that docs/search.md compares searches on:
#
#	tools/searchsuite.sh OUT [MOBILENET]
#
# OUT is the folder to fill. MOBILENET is xla/tools/data/benchmarking/mobilenet_v2.hlo of the repository
# openxla/xla (Apache-2.0); without it its five instances are left out. STRATA names the program.
set -eu

out=${1:?usage: tools/searchsuite.sh OUT [MOBILENET]}
mobilenet=${2:-}
strata=${STRATA:-$(dirname "$0")/../strata}
hw=$(dirname "$0")/../convert/converttest/two-tier.json
mkdir -p "$out"

# Scales and capacities of docs/search.md's table.
if [ -n "$mobilenet" ]; then
	for row in "1 128 1of1" "0.25 128 1of4" "0.08333333333333333 128 1of12" "0.08333333333333333 32 1of12" "0.010416666666666666 16 1of96"; do
		set -- $row
		"$strata" convert "$mobilenet" --from hlo --hw "$hw" --scale "$1" --tier "fast=${2}MiB" --repo openxla/xla --license Apache-2.0 -q -o "$out/mobilenet-$3-$2.json.gz"
	done
fi

for row in "transformer-prefill 10% prefill" "transformer-decode 40% decode" "moe 10% moe" "recurrent 40% recurrent" "conv 10% conv"; do
	set -- $row
	"$strata" convert --generate "$1" --seed 1 --hw "$hw" --tier "fast=$2" -q -o "$out/$3.json.gz"
done
for row in "transformer_block hlo-block" "gru_scan hlo-gru"; do
	set -- $row
	"$strata" convert "$(dirname "$0")/../convert/hlo/testdata/jax/$1.hlo" --from hlo --hw "$hw" --tier fast=25% --license CC0-1.0 -q -o "$out/$2.json.gz"
done
cp "$(dirname "$0")/../testdata/instances/smollm2-decode.json.gz" "$out/sample-decode.json.gz"
