# make demo   install into .venv and start a hub with simulated agencies (LIENTHONG_LISTEN=HOST:PORT, DATA=DIR to keep it)
# make test   everything: style, types, import rules, all tests on both engines
# make check  the inner loop: style, types, import rules, the tests that need no services; two minutes
# make bench  how fast it is on this machine, beside a smallest honest program; 15 minutes (ARGS="--pairs 5", or one case:
#             ARGS="--engine production --size 5k --fan-out 1")
# make bench-peers  the same letters through python-xmlsec and django-pyas2, from the package index, where they can be had
# make soak   half of its best rate for five minutes (MINUTES=30, HOURS=8); demands that nothing is lost or grows
# make chaos  kill every role, take broker and database away, make networks bad, for minutes; prints what was lost (nothing)
# make pictures  a picture of every page: three states, light and dark, desk and phone, both languages (DIR=folder)
# make clean  remove .venv and what tools left behind

SHELL := /bin/bash
VENV := .venv
RUNTIME := $(VENV)/.runtime
DEVELOPMENT := $(VENV)/.development
PYTEST := $(VENV)/bin/python -m pytest
# Every process of a test run has services of its own. Quick tests compute; the others wait half of their time, for
# programs to start and for clocks: with three at once two processors have work.
QUICK := not slow and not services
# Tests with processes, networks and clocks may fail on a machine that stands still for seconds. What failed is named, then
# run once more by itself on the machine that is quiet by then: what fails again fails.
AGAIN := { echo "Failed above; once more, alone:"; $(PYTEST) --last-failed --last-failed-no-failures none; }

.DEFAULT_GOAL := help
.PHONY: help demo test check bench bench-peers soak pictures chaos clean lint system-packages

help:
	@sed -n 's/^# //p' Makefile

$(RUNTIME): pyproject.toml constraints.txt deploy/setup
	@deploy/setup runtime

$(DEVELOPMENT): $(RUNTIME) deploy/constraints-dev.txt
	@deploy/setup development

# exec leaves no shell in between, so that Ctrl-C and SIGTERM reach the program itself
demo: $(RUNTIME)
	@exec $(VENV)/bin/lienthong demo --listen "$${LIENTHONG_LISTEN:-127.0.0.1:8080}" $(if $(DATA),--data "$(DATA)")

lint: $(DEVELOPMENT)
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache

check: lint
	$(PYTEST) -q -n 2 -m "$(QUICK)" $(ARGS)

system-packages:
	@deploy/system-packages

test: $(DEVELOPMENT) system-packages lint
ifeq ($(ARGS),)
	$(PYTEST) -n 2 -m "$(QUICK)" || $(AGAIN)
	$(PYTEST) -n 3 --dist loadfile --no-loadscope-reorder --durations=20 -m "not ($(QUICK))" || $(AGAIN)
else
	$(PYTEST) --durations=15 $(ARGS)
endif

bench: $(DEVELOPMENT) system-packages
	$(VENV)/bin/python -m bench $(ARGS)

bench-peers: $(DEVELOPMENT) system-packages
	$(VENV)/bin/python -m bench.verification
	$(VENV)/bin/python -m bench.peers

soak: $(DEVELOPMENT) system-packages
	$(VENV)/bin/python -m bench.shapes soak --minutes $(or $(MINUTES),$(if $(HOURS),$$((60 * $(HOURS))),5)) $(ARGS)

pictures: $(DEVELOPMENT) system-packages
	$(VENV)/bin/python -m tests.dashboard.pictures "$(or $(DIR),pictures)" $(ARGS)

chaos: $(DEVELOPMENT) system-packages
	$(VENV)/bin/python -m tests.chaos $(ARGS)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
