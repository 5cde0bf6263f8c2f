# Everything runs in .venv, which is made from constraints.txt at the first use.
# make bench PROFILE=full, make bench FRAMEWORKS=torch,jax RECIPES=cnn-5x5 DATA=my/folder ...

PYTHON ?= python3
BIN := .venv/bin

DATA ?= glyphs
measure_options = --data "$(DATA)" \
	$(if $(FRAMEWORKS),--frameworks "$(FRAMEWORKS)") \
	$(if $(LOOPS),--loops "$(LOOPS)") \
	$(if $(RECIPES),--recipes "$(RECIPES)") \
	$(if $(EPOCHS),--epochs "$(EPOCHS)") \
	$(if $(ROUNDS),--rounds "$(ROUNDS)") \
	$(if $(LIMIT_S),--limit-s "$(LIMIT_S)") \
	$(if $(THREADS),--threads "$(THREADS)") \
	$(if $(DEVICE),--device "$(DEVICE)")
bench_options = $(measure_options) \
	$(if $(PROFILE),--profile "$(PROFILE)") \
	$(if $(AXES),--axes "$(AXES)") \
	$(if $(BATCH_SIZE),--batch-size "$(BATCH_SIZE)") \
	$(if $(CLUSTER),--cluster "$(CLUSTER)")
axis_options = $(measure_options) $(if $(VALUES),--values "$(VALUES)")

bench_read_options = \
	$(if $(ROUNDS),--rounds "$(ROUNDS)") \
	$(if $(INPUTS),--inputs "$(INPUTS)") \
	$(if $(ONLY),--only "$(ONLY)") \
	$(if $(LARGE),--large)

bench_feed_options = \
	$(if $(ROUNDS),--rounds "$(ROUNDS)") \
	$(if $(FEEDERS),--only "$(FEEDERS)") \
	$(if $(SIZES),--batch-sizes "$(SIZES)") \
	$(if $(LARGE),--large)

bench_loops_options = \
	$(if $(RECIPES),--recipes "$(RECIPES)") \
	$(if $(LOOPS),--loops "$(LOOPS)") \
	$(if $(ROUNDS),--rounds "$(ROUNDS)")

parity_options = --data "$(DATA)" \
	$(if $(RECIPES),--recipes "$(RECIPES)") \
	$(if $(LOOPS),--loops "$(LOOPS)") \
	$(if $(STEPS),--steps "$(STEPS)")

axes := batch-size threads width loop loader

.PHONY: help setup bench $(axes:%=bench-%) bench-selftest bench-data bench-read \
	bench-cache bench-shards bench-order bench-augment \
	bench-feed bench-scale bench-loops bench-record quoted-report parity \
	test test-long test-distributed test-interpreted test-checked \
	faults fuzz docs lint wheel format clean
.DEFAULT_GOAL := help

help:
	@echo "make bench   which framework, and why: the same models on the same batches, and a"
	@echo "             report; PROFILE=quick|full DATA=glyphs|mnist|FOLDER DEVICE=cpu|cuda"
	@echo "             FRAMEWORKS=torch,tensorflow,keras,jax or LOOPS=torch-eager,tf-function"
	@echo "             RECIPES=mlp-3x100,cnn-5x5 EPOCHS= BATCH_SIZE= ROUNDS= LIMIT_S= THREADS="
	@echo "             CLUSTER=local|host:port|ray://host:port: rounds on a Ray cluster's hosts"
	@echo "make bench-batch-size, bench-threads, bench-width, bench-loop, bench-loader"
	@echo "             does the verdict depend on it; VALUES=32,128,512 and the above"
	@echo "make bench-selftest"
	@echo "             equals must come out equal, planted faults be found; half an hour"
	@echo "make bench-data"
	@echo "             idxdata and its peers side by side, and which goals are met, in"
	@echo "             six parts that are targets too; LARGE=1: files of 1 to 8 GB as well"
	@echo "  bench-read     readers, writers, inflate; ROUNDS=5 INPUTS=(all) ONLY=(all)"
	@echo "  bench-cache    opening what is cached"
	@echo "  bench-shards   thousands of files as one split"
	@echo "  bench-order    shuffling"
	@echo "  bench-augment  augmentation"
	@echo "  bench-feed     feeding every framework; ROUNDS=3 FEEDERS=(all) SIZES=32,128,1024"
	@echo "make bench-scale"
	@echo "             what examples and ranks cost as they become many; 3.5 GB of disk"
	@echo "make bench-loops"
	@echo "             training loops against ones written by hand, all loop forms beside"
	@echo "             each other; RECIPES=(all) LOOPS=(all) ROUNDS=5"
	@echo "make bench-record DATA=mnist"
	@echo "             seconds from raw files to 99.0 and 99.5 % of the test set; ROUNDS=6"
	@echo "make quoted-report DATA=mnist"
	@echo "             what quoted recipes reached: a table and pictures, in build/quoted"
	@echo "make parity  is every recipe the same model in every loop? DATA=glyphs RECIPES=(all)"
	@echo "             LOOPS=(all) STEPS=100"
	@echo "make test    the test suite, but for what takes long: make test-long"
	@echo "make test-distributed"
	@echo "             one model in several processes, killed ones among them; a quarter hour"
	@echo "make test-interpreted, make test-checked"
	@echo "             tests of reading and of kernels: without the JIT, with coverage;"
	@echo "             with every index checked"
	@echo "make faults  kill and disturb processes that share a cache; KILLS=200 STRESS_S=60"
	@echo "make fuzz    look for inputs that break the reader; FUZZ_S=600 (seconds)"
	@echo "make docs    the documentation as a site, in build/site"
	@echo "make lint    style, types and import floors"
	@echo "make wheel   build the wheel and try it in an environment of its own"
	@echo "make format  rewrite the code in the project's style"
	@echo "make clean   remove .venv, results and caches of tools"

setup: .venv/.complete

# The stamp is written last: an interrupted installation starts again.
.venv/.complete: constraints.txt setup.cfg pyproject.toml
	@echo "Installing the environment into .venv; this can take some minutes."
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --quiet --constraint constraints.txt --editable ".[bench,cluster,peers,test,lint,docs]"
	@# mnist and python-mnist both bring mnist/__init__.py; with mnist's, both work.
	$(BIN)/pip install --quiet --quiet --constraint constraints.txt --no-deps --force-reinstall mnist
	touch $@

bench: setup
	$(BIN)/python -m benchmarks run $(bench_options)

bench-batch-size: setup
	$(BIN)/python -m benchmarks sensitivity batch_size $(axis_options)

bench-threads: setup
	$(BIN)/python -m benchmarks sensitivity num_threads $(axis_options)

bench-width bench-loop bench-loader: bench-%: setup
	$(BIN)/python -m benchmarks sensitivity $* $(axis_options)

bench-selftest: setup
	$(BIN)/python -m benchmarks selftest --data "$(DATA)" $(if $(RUNS),--runs "$(RUNS)") \
		$(if $(THREADS),--threads "$(THREADS)")

# One after the other, also under make -j: they would disturb each other.
.NOTPARALLEL:
bench-data: bench-read bench-cache bench-shards bench-order bench-augment bench-feed

bench-read: setup
	$(BIN)/python -m benchmarks.data_bench $(bench_read_options)

bench-cache: setup
	$(BIN)/python -m benchmarks.cache_bench $(if $(LARGE),--large)

bench-shards: setup
	$(BIN)/python -m benchmarks.shards_bench

bench-order: setup
	$(BIN)/python -m benchmarks.order_bench

bench-augment: setup
	$(BIN)/python -m benchmarks.augment_bench

bench-feed: setup
	$(BIN)/python -m benchmarks.feed_bench $(bench_feed_options)

bench-scale: setup
	$(BIN)/python -m benchmarks.scale_bench $(if $(ROUNDS),--rounds "$(ROUNDS)")

bench-loops: setup
	$(BIN)/python -m benchmarks.loop_bench $(bench_loops_options)

bench-record: setup
	$(BIN)/python -m benchmarks.record_bench --data "$(DATA)" \
		$(if $(LOOPS),--loops "$(LOOPS)") $(if $(ROUNDS),--rounds "$(ROUNDS)") \
		$(if $(THREADS),--threads "$(THREADS)")

quoted-report: setup
	$(BIN)/python -m benchmarks.quoted_report --data "$(DATA)"

parity: setup
	$(BIN)/python -m tests.parity.run $(parity_options)

test: setup
	$(BIN)/python -m pytest

# All loops against the reference, in processes of their own; processes that are killed.
test-long: setup
	$(BIN)/python -m pytest -m long

# Several processes, hosts (network namespaces, where root may make them), a Ray cluster.
test-distributed: setup
	$(BIN)/python -m pytest -m distributed

# What reaches a kernel. The rest would only be slow, or is others' code.
kernel_tests := $(wildcard $(patsubst %,tests/test_%.py,inflate inflate_work gunzip idx idx_bounds \
	idx_damage idx_write idx_writer rows sources zips file_objects header sniff fuzz_corpus \
	plan subsets order_spec gathering augmentation augmentation_bits random dropout batches))

test-interpreted: setup
	NUMBA_DISABLE_JIT=1 $(BIN)/coverage run --source idxdata -m pytest $(kernel_tests)
	$(BIN)/coverage report

# numba takes no notice of the flag where it finds a compiled kernel: a cache of its own.
test-checked: setup
	NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR="$(CURDIR)/build/numba-checked" \
		$(BIN)/python -m pytest $(kernel_tests)

KILLS ?= 200
STRESS_S ?= 60

faults: setup
	$(BIN)/python -m tests.cache_faults.kill --count "$(KILLS)"
	$(BIN)/python -m tests.cache_faults.stress --seconds "$(STRESS_S)"

FUZZ_S ?= 600
fuzz_options = -max_total_time=$(FUZZ_S) -max_len=1500 -artifact_prefix=build/fuzz/ \
	build/fuzz/corpus tests/fuzz/corpus

# Twice at a time on one corpus: kernels that coverage can look into, and fast ones.
fuzz: setup
	$(BIN)/pip install --quiet --quiet --constraint constraints.txt --editable ".[fuzz]"
	mkdir -p build/fuzz/corpus
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m tests.fuzz.run $(fuzz_options) & \
	$(BIN)/python -m tests.fuzz.run -reload=1 $(fuzz_options); \
	status=$$?; wait $$! && exit $$status

docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir build/site

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The wheel alone, in an environment that has just what setup.cfg demands.
wheel: setup
	rm -rf build
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir build/wheel .
	$(PYTHON) -m venv build/env
	build/env/bin/pip install --quiet --quiet --constraint constraints.txt build/wheel/*.whl
	build/env/bin/python -I tests/wheel_smoke.py

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	@# Rows of quoted recipes are kept in git.
	find results -mindepth 1 -maxdepth 1 ! -name quoted -exec rm -rf {} + 2>/dev/null || true
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache \
		.import_linter_cache .hypothesis
