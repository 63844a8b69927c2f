# Thin over ./yiti: every job is a sub-command of it (./yiti --help).
.DEFAULT_GOAL := help
.PHONY: run test check train index fmt lock help clean

run: ## Set everything up and start the product
	@./yiti run

test: ## Set everything up and pass every test
	@./yiti dev test

check: ## Format, lint, types, layers, migrations, front ends
	@./yiti dev check

train: ## Train the assistant, if its data changed
	@./yiti train

index: ## Build the knowledge index, if an article changed
	@./yiti index

fmt: ## Put every source file into the house's format
	@./yiti dev fmt

lock: ## Lock the dependencies anew from pyproject.toml
	@./yiti dev lock

clean: ## Remove what was built (not what was recorded)
	@rm -rf .venv .venv-engine web/*/dist web/*/node_modules var/encoders var/index var/models

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
