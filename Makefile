# make setup | local | test | ends | check | bench | bench-store | soak | fuzz | recorded | mutants | lock | outdated | pages | options | diagrams | deployment-log | snapshots | screenshots | release-rehearsal | scorecard | site | clean
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNS := $(VENV)/.runs
STAMP := $(VENV)/.installed
REPORTS := .reports

.PHONY: setup local test ends check bench bench-store soak fuzz recorded mutants lock outdated pages options snapshots screenshots diagrams release-rehearsal scorecard site clean deployment-log
.DELETE_ON_ERROR:

setup: $(STAMP) ## create .venv with everything
	@echo "$(VENV) is ready"

# uv when it is there (seconds), plain venv and pip when not. Neither compiles what it installs: of the SDK's thousands of modules few are
# imported. Outside .venv is what all environments of a user share, in the user's cache: Azurite, and the packages of the sample.
$(RUNS): pyproject.toml local/policy_engine/pyproject.toml constraints.txt function_app/requirements.txt local/secure_mcp_local/azure/storage/package-lock.json
	@echo "Setting up $(VENV) ..."
	@if command -v uv >/dev/null 2>&1; then \
	  test -x $(BIN)/python || uv venv --quiet --python $(PYTHON) $(VENV); \
	  uv pip install --quiet --python $(BIN)/python -c constraints.txt -e local/policy_engine -e '.[local]'; \
	else \
	  test -x $(BIN)/python || $(PYTHON) -m venv $(VENV); \
	  $(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null; \
	  $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt -e local/policy_engine -e '.[local]'; \
	fi
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m secure_mcp_local.azure.storage
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m secure_mcp.package function_app >/dev/null
	@touch $(RUNS)

$(STAMP): $(RUNS)
	@if command -v uv >/dev/null 2>&1; then \
	  uv pip install --quiet --python $(BIN)/python -c constraints.txt -e local/policy_engine -e '.[local,dev]'; \
	else \
	  $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt -e local/policy_engine -e '.[local,dev]'; \
	fi
	@touch $(STAMP)

local: $(RUNS) ## run the dev stack on this machine
	@exec env -u PYTHONDONTWRITEBYTECODE $(BIN)/secure-mcp local $(ARGS)

# What is slow and rarely breaks is sampled, by a seed that is printed; the end of the run says what was left out.
test: setup ## run the tests; FULL=1 all of them, SEED=n the sample of that seed, JOBS=2 two at a time, COVERAGE=1 what of our Python they run, ARGS='…' for pytest
	@PYTHONPATH=tests $(BIN)/python -m actors.node_tools
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest $(if $(FULL),,--sample $(or $(SEED),random)) \
	  $(if $(JOBS),-n $(JOBS) --dist loadfile --no-loadscope-reorder) --junitxml $(REPORTS)/tests.xml \
	  $(if $(COVERAGE),--cov --cov-report= --cov-report=json:$(REPORTS)/coverage.json) $(ARGS)

# Of other versions than those that are pinned, in an environment of their own. Needs uv: pip finds no oldest versions. What is not
# Python (browsers, clients from npm, the engine's command) knows nothing of them.
END ?= lowest
OF_lowest := lowest-direct 3.11
OF_highest := highest 3.13
ENDS := .venv-$(END)
TESTS_OF_ENDS := $(addprefix tests/,contract policy_engine policies infra local function_app e2e/test_python_client.py)
ends: ## the tests with the oldest versions that pyproject.toml allows (END=lowest) or the newest (END=highest), by PYTHON if it is given; SEED, JOBS and ARGS as above
	$(if $(OF_$(END)),,$(error END is $(END): lowest or highest))
	@echo "Setting up $(ENDS) ..."
	@uv venv --quiet --clear --python $(if $(filter file,$(origin PYTHON)),$(word 2,$(OF_$(END))),$(PYTHON)) $(ENDS)
	@uv pip install --quiet --resolution $(word 1,$(OF_$(END))) --python $(ENDS)/bin/python -e local/policy_engine -e '.[local,dev]'
	@$(if $(filter lowest,$(END)),$(ENDS)/bin/python .ci/floors.py)
	@env -u PYTHONDONTWRITEBYTECODE $(ENDS)/bin/python -m secure_mcp_local.azure.storage
	@PYTHONPATH=tests $(ENDS)/bin/python -m actors.node_tools
	@env -u PYTHONDONTWRITEBYTECODE $(ENDS)/bin/python -m pytest -m 'not engine' --sample $(or $(SEED),random) \
	  $(if $(JOBS),-n $(JOBS) --dist loadfile --no-loadscope-reorder) $(or $(ARGS),$(TESTS_OF_ENDS))

check: setup ## lint, strict types, and what the dev stack declares
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/secure-mcp check --strict --config apimPublisherEmail=gate@localhost

# Needs uv. constraints.txt is what is installed and tested here, for every Python and system; the function app has the same versions,
# for every Python that it can run on. Without UPGRADE pins stay what they are and what is missing comes to them. Azurite's lock is npm's: in its folder
# `npm install --package-lock-only --install-links --omit-lockfile-registry-resolved`, without a lock there, or npm takes no notice of what is overridden.
lock: ## pin what is tested, and what the function app needs, with hashes; UPGRADE=1 the newest versions
	@printf -- '-e local/policy_engine\n-e .[local,dev]\n' | uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
	  $(if $(UPGRADE),--upgrade) --no-emit-package apim-policies --no-emit-package pulumi-secure-mcp --output-file constraints.txt - >/dev/null
	cd function_app && uv pip compile --quiet --generate-hashes --universal --python-version 3.12 \
	  --constraints ../constraints.txt --custom-compile-command 'make lock' --output-file requirements.txt requirements.in

bench: setup ## how fast it is, against peers in the same run
	@env -u PYTHONDONTWRITEBYTECODE PYTHONPATH=tests $(BIN)/python -m benchmark

bench-store: setup ## calls beside a flood of registrations, with Cosmos DB's request units counted
	@env -u PYTHONDONTWRITEBYTECODE PYTHONPATH=tests $(BIN)/python -m benchmark.flood $(ARGS)

soak: setup ## weeks of many clients with races, lost answers and faults; ARGS='--refreshes 200 --calls 2000 --seed 7'
	@env -u PYTHONDONTWRITEBYTECODE PYTHONPATH=tests $(BIN)/python -m soak $(ARGS)

fuzz: setup ## random policy expressions against real C#, which is installed once (Linux on x64)
	@PYTHONPATH=tests $(BIN)/python -m fuzz $(ARGS)

recorded: setup ## the recorded answers of C#, asked again
	@PYTHONPATH=tests $(BIN)/python -m fuzz.recorded $(ARGS)

mutants: setup ## single mistakes in what the stacks declare, and which of them nothing notices; ARGS='--seed 1 --sample 200 --local'
	@$(BIN)/secure-mcp mutants --stack dev --stack prod --config apimPublisherEmail=mcp@example.com \
	  --config 'assignedGroups=["00000000-0000-4000-8000-00000000d0e1"]' $(or $(ARGS),--sample 0 --page docs/mutants.md --least 95)

# Needs uv. npm prints what is not installed, too: only where the newest is another one is it behind.
outdated: setup ## what is pinned and has a newer version, of Python and from npm
	@uv pip list --python $(BIN)/python --outdated
	@npm=$$($(BIN)/python -c 'import shlex; from secure_mcp_local.azure.storage.node import npm; print(shlex.join(npm()))'); \
	for lock in $$(git ls-files '*package-lock.json'); do \
	  echo "== $$(dirname "$$lock")"; $$npm outdated --loglevel=error --prefix "$$(dirname "$$lock")" | awk '$$3 != $$4'; \
	done

pages: options ## what docs say of what is declared in code: options, and rules, checks, policies, expressions, questions to Azure
	@$(BIN)/python -m secure_mcp_local.pages
	@PYTHONPATH=tests $(BIN)/python -m fuzz.members

options: setup ## what Pulumi.yaml and docs say of options, components and commands, from what declares them
	@$(BIN)/python -m secure_mcp.options.written
	@$(BIN)/python -m secure_mcp_local.cli.page

snapshots: setup ## what each stack declares and costs, and the schema of the provider, for review
	UPDATE_SNAPSHOTS=1 $(BIN)/python -m pytest -q tests/infra/test_snapshots.py tests/infra/test_provider.py tests/infra/test_deployed_costs.py tests/contract/test_costs.py

deployment-log: setup ## docs/deployment-log.md: preflight, up, doctor and destroy without Azure; needs pulumi on PATH
	@env -u PYTHONDONTWRITEBYTECODE PYTHONPATH=tests $(BIN)/python -m engine.log

screenshots: setup ## pictures of the pages, for docs/images
	PYTHONPATH=tests $(BIN)/python tests/e2e/screenshots.py

diagrams: setup ## who trusts whom and the flows, from what the dev stack declares and does, into docs/images
	@PYTHONPATH=tests $(BIN)/python -m diagrams

release-rehearsal: setup ## all that a release publishes, into dist/: wheels, sdists, plugin, bill of materials, notes, checksums
	@$(BIN)/python .ci/release.py $(ARGS)

scorecard: setup ## what holds, from the last run of `make test FULL=1 COVERAGE=1`, into docs/scorecard.md
	@$(BIN)/python .ci/scorecard.py $(ARGS)

site: setup ## the site of docs/, into build/site; a link that leads nowhere fails
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --clean

clean:
	rm -rf $(VENV) $(REPORTS) .pytest_cache .ruff_cache
