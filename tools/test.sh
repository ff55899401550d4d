#!/usr/bin/env bash
# Runs all tests. What could not run is listed with its reason at the end.
set -u
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
go tool gotestsum --format pkgname --format-hide-empty-pkg --hide-summary skipped --jsonfile "$log" -- -timeout 20m "$@" ./...
code=$?
python3 - "$log" <<'PY'
import collections, json, sys
output, skipped = collections.defaultdict(str), []
with open(sys.argv[1]) as f:
    for line in f:
        e = json.loads(line)
        key = e.get("Package"), e.get("Test")
        if e["Action"] == "output":
            output[key] += e["Output"]
        elif e["Action"] == "skip" and e.get("Test"):
            skipped.append(key)
if skipped:
    print("\nnot run:")
for package, test in skipped:
    lines = [l.strip() for l in output[package, test].splitlines()]
    reason = [l.split(": ", 1)[-1] for l in lines if ".go:" in l]
    print("  %s %s: %s" % (package, test, " ".join(reason) or "no reason given"))
PY
exit $code
