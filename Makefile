# Every target that runs code uses the Node that package.json pins, not the machine's.
SHELL := /bin/bash
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
NODE := node_modules/.bin/node
.PHONY: help install lab-install check test test-full mutation evidence demo lab cluster bench cluster-install format clean

help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

install: ## install what the checks need: Debian packages and node_modules
	@scripts/install.sh

lab-install: install
	@lab/install.sh

check: install ## format, lint, types, boundaries, dead code, licences, generated files
	@$(NODE) scripts/check.ts

test: lab-install cluster-install ## all tests; LAB_KERNEL=6.1 or 6.12 chooses the kernel
	@$(NODE) scripts/test.ts

test-full: install ## the long run: both kernels, many property runs, mutation; goes on where it stopped
	@lab/install.sh 6.1 6.12
	@lab/cluster/install.sh
	@$(NODE) scripts/test-full.ts

mutation: install ## mutation tests alone
	@$(NODE) node_modules/@stryker-mutator/core/bin/stryker.js run

evidence: install ## what the long runs have shown so far
	@$(NODE) scripts/evidence.ts

demo: lab-install ## the demonstration
	@$(NODE) demo/demo.ts

lab: lab-install ## a shell in the lab
	@$(NODE) lab/shell.ts

cluster: cluster-install ## a Kubernetes API server and two directors, for kubectl
	@$(NODE) scripts/bundle.ts
	@$(NODE) lab/cluster/shell.ts

bench: cluster-install ## measurements; they judge nothing
	@for file in bench/*.ts; do $(NODE) "$$file" || exit; done

cluster-install: lab-install
	@lab/cluster/install.sh

format: install ## format the code
	@$(NODE) node_modules/oxfmt/bin/oxfmt

clean: ## remove what the targets made, except node_modules
	@rm -rf node_modules/.cache/lvs-director reports .stryker-tmp
