# make quickstart   install what is missing, build, train and prune a small network, compare it with its dense twin
# make test         install what is missing, build everything, run all tests
# make help         the rest
SHELL := /bin/bash
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
BUILD ?= build

# Tests on real data and reference masks look here; those that find nothing say that they were skipped.
ifneq ($(wildcard ../shared/data),)
export TESSERA_DATA ?= $(abspath ../shared/data)
endif
ifneq ($(wildcard ../shared/reference),)
export TESSERA_REFERENCE ?= $(abspath ../shared/reference)
endif

.PHONY: help quickstart build test deps configure format lint asan clean
.DEFAULT_GOAL := build

help:
	@echo "make quickstart  install, build and run configs/quickstart.yaml"
	@echo "make build       install, configure and build the program: $(BUILD)/tessera"
	@echo "make test        install, configure, build and run all tests"
	@echo "make asan        build and test with address and undefined-behaviour sanitizers (ASAN_TESTS='io config': these alone)"
	@echo "make format      clang-format on all sources"
	@echo "make lint        check format, include order of the folders, length of files"
	@echo "make clean       remove the build folders"
	@echo "JOBS=N: parallel compilations (now $(JOBS)); BUILD=DIR: the build folder; CMAKE_ARGS: for configuring"

deps:
	@scripts/install-deps.sh

configure: deps
	cmake --preset release -B $(BUILD) $(CMAKE_ARGS)

build: configure
	cmake --build $(BUILD) -j$(JOBS) --target tessera

quickstart: build
	$(BUILD)/tessera run configs/quickstart.yaml --overwrite

test: configure
	cmake --build $(BUILD) -j$(JOBS)
	ctest --test-dir $(BUILD) --output-on-failure --no-tests=error

asan: deps
	cmake --preset asan
	cmake --build build-asan -j$(JOBS) $(if $(ASAN_TESTS),--target $(addprefix test_,$(ASAN_TESTS)))
	ctest --test-dir build-asan --output-on-failure --no-tests=error $(if $(ASAN_TESTS),-R '^($(subst $(eval) ,|,$(ASAN_TESTS)))$$')

format:
	git ls-files '*.h' '*.cc' '*.cu' | xargs -r clang-format -i

lint:
	git ls-files '*.h' '*.cc' '*.cu' | xargs -r clang-format --dry-run -Werror
	python3 scripts/check-sources.py

clean:
	rm -rf build build-*/
