# Two commands matter: `make run` does the main job on the sample model, `make
# test` passes the tests. Both install what they need.

GO ?= go
VERSION := $(shell git describe --always --dirty 2>/dev/null || echo dev)
OUT ?= out
BUDGET ?= 50%

.PHONY: run build model test lint race bench clean setup

# Plan the sample model at half its bytes, prove the plan by running it, report.
run: setup build model
	@./strata calibrate --once
	@mkdir -p $(OUT)
	@model=$$(tools/model.sh | tail -n 1) && \
	./strata plan "$$model" --dram $(BUDGET) --prompt 64 --gen 32 --time 10s -o $(OUT)/plan.json && \
	echo && \
	./strata validate $(OUT)/plan.json --model "$$model" --report $(OUT)/report.html

setup:
	@tools/setup.sh

build: setup
	$(GO) build -trimpath -ldflags "-s -w -X strata/cli.Version=$(VERSION)" -o strata .

# Prints the sample model's path as its last line.
model: setup
	@tools/model.sh

test: setup model
	tools/test.sh

lint: setup
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	@test -z "$$(gofmt -l .)" || { echo "not formatted:"; gofmt -l .; exit 1; }

# The packages with threads of their own, under the race detector.
race: setup
	$(GO) test -race -count=1 ./engine/file ./kernels/pool ./planner/... ./trace

bench: setup model build
	tools/bench.sh

clean:
	rm -rf strata $(OUT)
