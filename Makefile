# Two commands matter: `make run` does the main job on the sample model, `make
# test` passes the tests. Both install what they need.

GO ?= go
# Everywhere, so that build, lint and tests share their cached C objects.
export GOFLAGS := $(GOFLAGS) -trimpath
VERSION := $(shell git describe --always --dirty 2>/dev/null || echo dev)
OUT ?= out
BUDGET ?= 50%

# The window needs a display library's headers; without them the same program is
# built without its window (tag headless). Tests never need a display.
TAGS = $(shell tools/tags.sh)
TEST_TAGS := headless,migrated_fynedo

.PHONY: run job build model solver try-solver test lint race golden bench bench-ui bench-search soak clean setup

# Open the window on the sample when a display is there; else, or with HEADLESS=1,
# do the main job: plan the sample at half its bytes, prove it, report.
run: setup build model try-solver
	@./strata calibrate --once
	@if [ "$(HEADLESS)" != 1 ] && [ -n "$${DISPLAY:-}$${WAYLAND_DISPLAY:-}" ] && [ "$(TAGS)" != headless ]; then \
		./strata; else $(MAKE) --no-print-directory job; fi

job:
	@mkdir -p $(OUT)
	@model=$$(tools/model.sh | tail -n 1) && \
	./strata plan "$$model" --dram $(BUDGET) --prompt 64 --gen 32 --time 10s -o $(OUT)/plan.json && \
	echo && \
	./strata validate $(OUT)/plan.json --model "$$model" --report $(OUT)/report.html

setup:
	@tools/setup.sh

build: setup
	$(GO) build -tags $(TAGS) -ldflags "-s -w -X strata/cli.Version=$(VERSION)" -o strata .

# Prints the sample model's path as its last line.
model: setup
	@tools/model.sh

# The exact solver's library (OR-Tools): optional, found at run time, nothing is
# built against it. Prints its path as its last line.
solver: setup
	@tools/solver.sh

try-solver: setup
	@tools/solver.sh --try >/dev/null

test: setup model try-solver
	@tools/setup.sh display || true
	tools/test.sh -tags $(TEST_TAGS)

lint: setup
	$(GO) vet -tags $(TEST_TAGS) ./...
	$(GO) tool staticcheck -tags $(TEST_TAGS) ./...
	@test -z "$$(gofmt -l .)" || { echo "not formatted:"; gofmt -l .; exit 1; }

# Draws the masters of the window's pictures again, after a change of its looks.
golden: setup
	$(GO) test -count=1 -tags $(TEST_TAGS) ./ui ./ui/widgets -run Golden -update
	$(GO) test -count=1 -tags $(TEST_TAGS) ./ui/viz -run Pixels -rewrite

# The packages with threads of their own, under the race detector.
race: setup try-solver
	$(GO) test -race -count=1 -tags $(TEST_TAGS) ./engine/file ./kernels/pool ./planner/... ./trace

bench: setup model build
	tools/bench.sh

# Evaluations a second, full against incremental, and the ablation of the solvers
# at equal wall time (docs/search.md). SEARCH_TIME is each solver's time.
SEARCH_TIME ?= 2s
bench-search: setup
	$(GO) test -tags $(TEST_TAGS) -run '^$$' -bench Incremental ./simulate
	$(GO) test -tags $(TEST_TAGS) -run '^$$' -bench Search -benchtime 1x -timeout 60m ./planner -search.time $(SEARCH_TIME)

# Frame times, idle time and memory of the window with 10^5 tensors, and again
# while a search and a validation run. On a machine without a display it needs xvfb-run (xvfb).
DISPLAYED = $(if $(DISPLAY)$(WAYLAND_DISPLAY),,xvfb-run -a -s "-screen 0 1920x1080x24")
bench-ui: setup model
	@tools/setup.sh display || true
	$(GO) build -tags $(TAGS) -o $(OUT)/benchui ./tools/benchui
	$(DISPLAYED) $(OUT)/benchui
	$(DISPLAYED) $(OUT)/benchui busy

# SOAK_TIME of random events sent to the real window: no panic, no hang, no
# stutter, no leak. Needs xdotool. The toolkit's caches expire in seconds instead
# of a minute here, or the comparison of heaps would see them (not in 10 s or less:
# then it walks through the window 60 times a second to keep them alive).
# SOAK_FLAGS="-plant leak" (stall, wake) shows that it finds one; -profiles FOLDER
# writes profiles of the heap and of the idle window.
SOAK_TIME ?= 10m
SOAK_SEED ?= 1
soak: setup model
	@tools/setup.sh display || true
	$(GO) build -tags $(TAGS) -o $(OUT)/soakui ./tools/soakui
	FYNE_CACHE=15s $(DISPLAYED) $(OUT)/soakui -time $(SOAK_TIME) -seed $(SOAK_SEED) $(SOAK_FLAGS)

clean:
	rm -rf strata $(OUT)
