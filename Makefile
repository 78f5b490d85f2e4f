# The two commands of a fresh machine are `make demo` and `make test`; `make help` lists the rest.

WASM := wasm32-wasip2
# Every crate that is compiled to WebAssembly. They are built here, in a step of their own, never by a build script.
GUESTS := guests wordcount counter untrusted pipeline embed-guest mandelbrot montecarlo parameter-server crawler-guest plugin-uploads
# What is not compiled to WebAssembly is selected by naming no package: the workspace's `default-members`. A `-p` would resolve
# other features of what wasmtime is made of, and build it once more, which takes minutes. `--bin`, `--test` and the like narrow
# it down. `tests/integration/one_wasmtime.rs` checks it.
CARGO := cargo --locked
# Says how many minutes a part took.
PART := scripts/part

# The parts of `test` and `ci` share the cores and the target folder.
.NOTPARALLEL:
.PHONY: help demo test ci begin checked release schedules bench bench-ray guests target check fmt lint doc audit fuzz soak clean

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

demo: target ## count the words of the texts in this repository, as sandboxed tasks
	$(CARGO) build --release --target $(WASM) -p wordcount
	$(CARGO) build --bin rustyray-host
	target/debug/rustyray-host run --dir examples/wordcount/texts::/texts:ro target/$(WASM)/release/wordcount.wasm

# The examples that are one guest: their folders say what they are granted.
EXAMPLES := counter untrusted pipeline mandelbrot montecarlo parameter-server

.PHONY: $(EXAMPLES) embed crawler plugins

$(EXAMPLES): target
	$(CARGO) run -q --bin rustyray-host -- run --release examples/$@

embed: target ## run an example by its name: counter, mandelbrot, crawler, …
	$(CARGO) build --release --target $(WASM) -p embed-guest
	$(CARGO) run -q --bin embed

crawler: target
	$(CARGO) build --release --target $(WASM) -p crawler-guest
	$(CARGO) run -q --bin crawler

plugins: target
	$(CARGO) build --release --target $(WASM) -p plugin-uploads
	$(CARGO) run -q --bin plugins -- examples/plugins/uploads target/$(WASM)/release/plugin-*.wasm

test: fmt guests lint doc ## what a developer runs: format, clippy, documentation, all tests, in one profile
	$(PART) 'all tests' $(CARGO) test

ci: begin fmt guests lint doc checked release schedules ## what CI runs: all tests as it ships but for its assertions, then without
	@$(PART) --table

begin:
	@$(PART) --begin

# Everything that starts a host. What is left out tests our macros, and the guests' own code.
RELEASE_TESTS := integration leaks adversarial budgets regressions cli examples embed crawler plugins

release: guests ## what starts a host, as it ships
	$(PART) 'hosts in release' $(CARGO) test --release --lib --bin rustyray-host $(RELEASE_TESTS:%=--test %)

# Optimised as it ships, and with what notices: a compiler that does it wrong shows nowhere else. Wasmtime is that of `release`.
CHECKED := --release --config scripts/checked.toml

checked: guests ## all tests, optimised and with all assertions; ARGS="--test adversarial -- chaos::" for a part of it
	$(PART) 'all tests, checked' $(CARGO) test $(CHECKED) $(ARGS)

schedules: ## the orders in which the host's threads can meet, some thousands of them
	$(PART) 'orders of threads' $(CARGO) test $(CHECKED) --lib --features rustyray-host/shuttle schedules::

bench: guests ## measure beside bare wasmtime; ARGS="--rows task --quick" for a part of it, ARGS=--help for more
	$(CARGO) bench --bench floor -- $(ARGS)

guests: target ## compile the guests of the examples and the tests
	$(PART) 'guests' $(CARGO) build --release --target $(WASM) $(GUESTS:%=-p %)

target: ## get the wasm32-wasip2 target, if it is missing
	@scripts/wasip2-target

check: ## compile the host and the SDK without running anything
	$(CARGO) check --all-targets

fmt: ## is everything formatted?
	$(PART) 'format' cargo fmt --all --check

lint: target ## clippy, warnings denied
	$(PART) 'clippy' $(CARGO) clippy --all-targets -- -D warnings
	$(PART) 'clippy of guests' $(CARGO) clippy --release --target $(WASM) $(GUESTS:%=-p %) -- -D warnings

doc: ## the API documentation, warnings denied
	RUSTDOCFLAGS="-D warnings" $(PART) 'documentation' $(CARGO) doc --no-deps --lib

bench-ray: guests ## compare with Ray, from PyPI and on loopback only (Linux, Python 3.11)
	python3 -m venv target/bench/venv
	target/bench/venv/bin/pip install --quiet -r host/cli/benches/ray/requirements.txt
	host/cli/benches/ray/confined target/bench/venv/bin/python host/cli/benches/ray/workloads.py target/bench/ray.json
	$(CARGO) bench --bench workloads
	target/bench/venv/bin/python host/cli/benches/ray/plot.py target/bench/ours.json target/bench/ray.json \
		host/cli/benches/ray/against-ray.svg

audit: target/tools/bin/cargo-deny ## licences, sources, bans and advisories of the dependencies
	target/tools/bin/cargo-deny --locked check bans licenses sources
	@scripts/advisories target/tools/bin/cargo-deny

fuzz: target/tools/bin/cargo-fuzz ## look for inputs that break the host; ARGS=300 seconds for each target
	scripts/fuzz target/tools/bin/cargo-fuzz $(ARGS)

soak: guests ## mixed work for a while, to see whether anything grows; ARGS="--minutes 10"
	$(CARGO) test --test soak -- $(or $(ARGS),--minutes 10)

# Tools that are only installed for those who ask for them.
target/tools/bin/cargo-%:
	cargo install --locked --root target/tools cargo-$*

clean: ## remove what was built
	cargo clean
