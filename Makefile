# The everyday commands. `make help` lists them; each prints what it does and about how long it takes.
.DEFAULT_GOAL := help
.PHONY: help setup build demo test test-full bench fmt clean

help: ## this list
	@echo "make TARGET, where TARGET is one of"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' Makefile | \
	  awk -F '|' '{ printf "%-12s %s\n", $$1, $$2 }'

setup: ## install what is missing: Debian packages and .venv (5 min at first, then 1 s)
	@scripts/setup.sh

build: setup ## build/release/bin: the programs (15 min at first, then what changed)
	@scripts/build.sh release programs

demo: build ## the whole loop on a real 135M model (15 min after the build)
	@build/release/bin/attune demo

# The tests' closing line comes also where there is nothing to test.
no_tests = { echo "0 passed, 1 failed"; exit 1; }

test: ## the tests that every change must pass (at most 25 min after building them)
	@scripts/setup.sh || $(no_tests)
	@scripts/build.sh release || $(no_tests)
	@scripts/test.py release

test-full: ## the above, learning and fault tests, sanitizers, long fuzzing (an hour or two)
	@scripts/setup.sh --full || $(no_tests)
	@for preset in release asan tsan fuzz; do scripts/build.sh $$preset || $(no_tests); done
	@scripts/test.py release:full asan:full tsan:full fuzz:full

bench: setup ## measurements beside the Python peers (hours; `bench/run ROW` runs one row)
	@scripts/build.sh release programs benches
	@bench/run

fmt: ## wrap the C++ lines over 100 columns in the files that differ from the last commit (seconds)
	@scripts/wrap_lines.py

clean: ## remove build/ (the compiler cache and .venv stay)
	rm -rf build
