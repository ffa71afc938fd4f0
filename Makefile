# Everything a newcomer types. Each target makes its own environment first, from the lock file with hashes.
#
#   make demo                                   the live demonstration
#   make demo ARGS="--seconds 40 --json demo.json"
#   make test  ARGS="-k panic"                  the whole test-suite, or a part of it
#   make check                                  ruff, mypy, import rules
#   make bench ARGS="--only firmware"           ratios against named peers, in one run
#   make conformance                            the numbered cases: console, report.html, junit.xml in .build/report
#   make conformance ARGS="--only PANIC"        some of them
#   make conformance ARGS="--modem quectel"     with the program and the modem of a board that has Quectel's
#   make soak                                   cars in virtual time with every fault: 12 terminal-days
#   make soak ARGS="--seed 7 --hours 8"          one seed of it
#   make mutants                                plants bugs in copies of the tree; the checks have to find each
#   make power-cuts CUTS=200                    power lost at that many random moments of a terminal
#   make kills COUNT=1000                       kill -9 of gateways and PostgreSQL at random moments, under traffic
#   make pulls PULLS=60                         the cable pulled at that many moments of each kind while a board is flashed, provisioned, updated
#   .venv/bin/python -m hwsim panics            thousands of presses: how long each stage of an alarm takes
#   .venv/bin/python -m hwsim month             a terminal's free heap over thirty days
#   make siege BLOWS=30                         nodes of a NATS cluster killed and cut off under load
#   make broker-kills KILLS=50                  each broker killed so many times under traffic
#   make backlog FRAMES=1000000                 what a long outage of the broker leaves, relayed in order
#   make mosquitto                              gets one for the tests where none is installed, without root, as `make test` does
#   make seeds COUNT=1000                       each seed played twice: the same trace?
#   make fuzz SECONDS=60                        every reader of outside bytes, a minute for all of them together
#   make fuzz EACH=600 ARGS="--target coap_datagram"

# The system's own Python where it will do: the distribution keeps it patched, and Debian and Ubuntu build it with
# profiles, so that the gateway does a tenth more than on one that pyenv has made. `make PYTHON=python3.13` takes another.
HAS_PIP = $(1) -m pip --version >/dev/null 2>&1
PYTHON ?= $(shell /usr/bin/python3 -c 'import ctypes, lzma, sqlite3, ssl, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
  && { /usr/bin/python3 -c 'import ensurepip' 2>/dev/null || $(call HAS_PIP,/usr/bin/python3) || $(call HAS_PIP,python3); } \
  && echo /usr/bin/python3 || echo python3)
VENV := .venv
PEERS := .venv-peers
MOSQUITTO := .build/mosquitto
RUN := $(VENV)/bin/python
ARGS ?=
SECONDS ?= 60
EACH ?=

.PHONY: mosquitto pulls kills help setup setup-peers demo test check format conformance bench power-cuts fuzz soak mutants seeds siege broker-kills backlog lock clean

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

setup: $(VENV)/.complete
setup-peers: $(PEERS)/.complete

# On a Debian without python3-venv there is no ensurepip: then a pip that is there fills the environment from outside.
define environment
	@echo "making $(1) with $(PYTHON) (once)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Patrola needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.11 ..." >&2; exit 2; }
	@rm -rf $(1)
	@if $(PYTHON) -c 'import ensurepip' 2>/dev/null; then \
	  $(PYTHON) -m venv $(1) && $(1)/bin/python -m pip install -q --require-hashes -r $(2); \
	else \
	  if $(call HAS_PIP,$(PYTHON)); then pip=$(PYTHON); else pip=python3; fi; \
	  $(PYTHON) -m venv --without-pip $(1) && $$pip -m pip --python $(1)/bin/python install -q --require-hashes -r $(2); \
	fi
	@touch $(1)/.complete
endef

$(VENV)/.complete: requirements.lock
	$(call environment,$(VENV),requirements.lock)

# Independent CoAP/OSCORE and COSE implementations that the tests talk to; they ask for an older cbor2.
$(PEERS)/.complete: requirements-peers.lock
	$(call environment,$(PEERS),requirements-peers.lock)

demo: setup
	@$(RUN) -m hwsim demo $(ARGS)

# A second kind of broker for the tests; where it can't be got, they say so.
$(MOSQUITTO)/.complete: tests/brokers/get_mosquitto
	@tests/brokers/get_mosquitto $(MOSQUITTO)
	@touch $@

# Asked for, it tries again where it could not be got before.
mosquitto:
	@test -x $(MOSQUITTO)/mosquitto || tests/brokers/get_mosquitto $(MOSQUITTO)

test: setup setup-peers $(MOSQUITTO)/.complete
	@$(RUN) -m pytest -n 2 --dist worksteal $(ARGS)

check: setup
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(RUN) -m pytest -q tests/test_rooms.py

conformance: setup
	@$(RUN) -m hwsim conformance --report .build/report $(ARGS)

bench: setup setup-peers
	@$(RUN) -m benchmarks $(ARGS)

power-cuts: setup
	@PATROLA_POWER_CUTS=$(or $(CUTS),200) $(RUN) -m pytest -q -s --timeout 0 tests/hwsim/test_power_cuts.py $(ARGS)

kills: setup
	@$(RUN) -m tests.kills --count $(or $(COUNT),1000) $(ARGS)

pulls: setup
	@PATROLA_PULLS=$(or $(PULLS),60) $(RUN) -m pytest -q --timeout 0 tests/flash/test_flash_pulled.py \
	  tests/flash/desk/test_provision.py::test_the_cable_may_be_pulled_at_any_moment tests/hwsim/test_update_pulled.py $(ARGS)

fuzz: setup
	@$(RUN) -m tests.fuzz $(if $(EACH),--each $(EACH),--seconds $(SECONDS)) $(ARGS)

# 6 seeds of 2 terminals for a day: twelve terminal-days. Without ARGS the seeds are new ones each time.
soak: setup
	@$(RUN) -m hwsim soak --faults full --jobs 2 $(if $(ARGS),$(ARGS),--seeds 6 --terminals 2 --hours 24 --json soak.json)

siege: setup
	@$(RUN) -m tests.brokers siege --blows $(or $(BLOWS),30) $(ARGS)

broker-kills: setup
	@$(RUN) -m tests.brokers kills --kills $(or $(KILLS),50) $(ARGS)

backlog: setup
	@$(RUN) -m tests.brokers backlog --frames $(or $(FRAMES),1000000) $(ARGS)

mutants: setup
	@$(RUN) -m tests.mutants $(ARGS)

seeds: setup
	@$(RUN) -m hwsim seeds --count $(or $(COUNT),1000) $(ARGS)

format: setup
	@$(VENV)/bin/ruff check --fix-only -q .
	@$(VENV)/bin/ruff format -q .

# The lock files hold every platform's hashes; run this after a change of pyproject.toml.
lock: setup
	@$(RUN) -m uv --version >/dev/null 2>&1 || $(RUN) -m pip install -q uv
	@$(RUN) -m uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --group dev pyproject.toml -o requirements.lock
	@$(RUN) -m uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --group peers -o requirements-peers.lock

clean:
	rm -rf $(VENV) $(PEERS) .build .pytest_cache .mypy_cache .ruff_cache .hypothesis
