#!/usr/bin/env bash
# Prints benchmarks as ratios to a limit or a peer measured in the same run.
set -eu
cd "$(dirname "$0")/.."
echo "== kernels and engine"
go test -run '^$' -bench . -benchtime 1x ./engine 2>/dev/null | grep -v '^\(goos\|goarch\|pkg\|cpu\|ok\|PASS\)' || true
