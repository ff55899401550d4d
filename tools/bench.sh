#!/usr/bin/env bash
# Prints benchmarks as ratios to a limit or a peer measured in the same run. Run
# it alone on the machine.
set -eu
cd "$(dirname "$0")/.."
quiet() { grep -v '^\(goos\|goarch\|pkg\|PASS\)'; }
./strata calibrate --once
echo "== decode against the DRAM read bandwidth of the same run"
go test -run '^$' -bench Decode -benchtime 1x ./engine | quiet
echo "== predicted against measured time"
go test -run '^$' -bench Prediction -benchtime 1x ./workflow | quiet
echo "== kernels"
go test -run '^$' -bench . -benchtime 20x ./kernels/... | quiet | grep Benchmark
echo "== simulator, game and checker"
go test -run '^$' -bench . -benchtime 5x ./simulate ./malloc | quiet | grep Benchmark
