# The two commands of a fresh machine are `make demo` and `make test`; `make help` lists the rest.

WASM := wasm32-wasip2
# Every crate that is compiled to WebAssembly. They are built here, in a step of their own, never by a build script.
GUESTS := guests wordcount counter untrusted pipeline embed-guest mandelbrot montecarlo parameter-server crawler-guest plugin-uploads
NATIVE := --workspace $(GUESTS:%=--exclude %)
# One profile and one target folder for demo and test: wasmtime takes minutes to build. The demo's host is the tests'
# host; `cargo build --release` makes the one to install.
CARGO := cargo --locked

.PHONY: help demo test bench bench-ray guests target check fmt lint doc audit fuzz soak clean

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

demo: target ## count the words of the texts in this repository, as sandboxed tasks
	$(CARGO) build --release --target $(WASM) -p wordcount
	$(CARGO) build -p rustyray-host
	target/debug/rustyray-host run --dir examples/wordcount/texts::/texts:ro target/$(WASM)/release/wordcount.wasm

# The examples that are one guest: their folders say what they are granted.
EXAMPLES := counter untrusted pipeline mandelbrot montecarlo parameter-server

.PHONY: $(EXAMPLES) embed crawler plugins

$(EXAMPLES): target
	$(CARGO) run -q -p rustyray-host -- run --release examples/$@

embed: target ## run an example by its name: counter, mandelbrot, crawler, …
	$(CARGO) build --release --target $(WASM) -p embed-guest
	$(CARGO) run -q -p embed

crawler: target
	$(CARGO) build --release --target $(WASM) -p crawler-guest
	$(CARGO) run -q -p crawler

plugins: target
	$(CARGO) build --release --target $(WASM) -p plugin-uploads
	$(CARGO) run -q -p plugins -- examples/plugins/uploads target/$(WASM)/release/plugin-*.wasm

test: fmt guests lint doc ## everything that CI checks
	$(CARGO) test $(NATIVE)
	$(CARGO) test -p wordcount -p pipeline -p counter -p montecarlo -p parameter-server -p crawler-guest

bench: guests ## measure beside bare wasmtime; ARGS="--rows task --quick" for a part of it, ARGS=--help for more
	$(CARGO) bench -p rustyray-host --bench floor -- $(ARGS)

guests: target ## compile the guests of the examples and the tests
	$(CARGO) build --release --target $(WASM) $(GUESTS:%=-p %)

target: ## get the wasm32-wasip2 target, if it is missing
	@scripts/wasip2-target

check: ## compile the host and the SDK without running anything
	$(CARGO) check $(NATIVE) --all-targets

fmt: ## is everything formatted?
	cargo fmt --all --check

lint: target ## clippy, warnings denied
	$(CARGO) clippy $(NATIVE) --all-targets -- -D warnings
	$(CARGO) clippy --release --target $(WASM) $(GUESTS:%=-p %) -- -D warnings

doc: ## the API documentation, warnings denied
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps -p rustyray-host -p rustyray -p rustyray-macros

bench-ray: guests ## compare with Ray, from PyPI and on loopback only (Linux, Python 3.11)
	python3 -m venv target/bench/venv
	target/bench/venv/bin/pip install --quiet -r host/benches/ray/requirements.txt
	host/benches/ray/confined target/bench/venv/bin/python host/benches/ray/workloads.py target/bench/ray.json
	$(CARGO) bench -p rustyray-host --bench workloads
	target/bench/venv/bin/python host/benches/ray/plot.py target/bench/ours.json target/bench/ray.json \
		host/benches/ray/against-ray.svg

audit: target/tools/bin/cargo-deny ## licences, sources, bans and advisories of the dependencies
	target/tools/bin/cargo-deny --locked check bans licenses sources
	@scripts/advisories target/tools/bin/cargo-deny

fuzz: target/tools/bin/cargo-fuzz ## look for inputs that break the host; ARGS=300 seconds for each target
	scripts/fuzz target/tools/bin/cargo-fuzz $(ARGS)

soak: guests ## mixed work for a while, to see whether anything grows; ARGS="--minutes 10"
	$(CARGO) test -p rustyray-tests --test soak -- $(or $(ARGS),--minutes 10)

# Tools that are only installed for those who ask for them.
target/tools/bin/cargo-%:
	cargo install --locked --root target/tools cargo-$*

clean: ## remove what was built
	cargo clean
