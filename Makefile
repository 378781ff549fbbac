# EIM Fleet. `make help` lists what there is to make.
#
# One non-recursive Makefile. Every folder of sources becomes objects by wildcard, so adding a file is
# adding a file. Variants (SAN=address,undefined | thread | fuzzer) build into folders of their own.

SHELL      := /bin/bash
LLVM       ?= 19
CC         := gcc
CLANG      := clang-$(LLVM)
LLVM_CONFIG := llvm-config-$(LLVM)
SAN        ?=
comma      := ,
OUT        := build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))

VERSION    := 0.1.0
WARN       := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wwrite-strings \
              -Wformat=2 -Wundef -Wimplicit-fallthrough=5 -Werror
CPPFLAGS   := -D_GNU_SOURCE -I. -Iapi/include -DEIM_VERSION='"$(VERSION)"'
CFLAGS     := -std=gnu17 -O2 -g -fno-strict-aliasing -fstack-protector-strong -fPIE $(WARN)
LDFLAGS    := -pie -Wl,-z,relro,-z,now -Wl,--as-needed
ifneq ($(SAN),)
CFLAGS     := $(filter-out -O2,$(CFLAGS)) -O1 -fno-omit-frame-pointer -fsanitize=$(SAN) \
              $(if $(findstring undefined,$(SAN)),-fno-sanitize-recover=undefined)
LDFLAGS    += -fsanitize=$(SAN)
endif

# ---- what links against what: the only place that names libraries ----
LIBS_shared     := -ljansson -lyaml -lelf -lgnutls -lcurl
LIBS_jit         = -L$(shell $(LLVM_CONFIG) --libdir) -lLLVM-$(LLVM)
LIBS_controller := -lmicrohttpd -lsqlite3
LIBS_ctl        := -lbpf
LIBS_agent      := -lZydis -lseccomp -lbpf

DIRS_shared     := base codec crypto bpf eim verifier runtime wire
SRC_shared      := $(foreach d,$(DIRS_shared),$(wildcard shared/$(d)/*.c))
# Images are read by the agent, which links no LLVM.
SRC_shared      += shared/jit/image.c
SRC_jit         := $(filter-out shared/jit/image.c,$(wildcard shared/jit/*.c))
SRC_controller  := $(filter-out controller/main.c,$(wildcard controller/*.c controller/*/*.c))
SRC_controller  := $(filter-out controller/ctl/%,$(SRC_controller))
SRC_ctl         := $(filter-out controller/ctl/main.c,$(wildcard controller/ctl/*.c))
SRC_agent       := $(filter-out agent/compile/main.c agent/daemon/main.c,$(wildcard agent/*/*.c agent/*/*/*.c))

obj = $(patsubst %.c,$(OUT)/obj/%.o,$(1))
A_shared     := $(OUT)/lib/libeim-shared.a
A_jit        := $(OUT)/lib/libeim-jit.a
A_controller := $(OUT)/lib/libeim-controller.a
A_ctl        := $(OUT)/lib/libeim-ctl.a
A_agent      := $(OUT)/lib/libeim-agent.a

BINARIES := $(addprefix $(OUT)/bin/,eim-controller eimctl eim-agent eim-compile)
PROGRAMS := $(patsubst %.bpf.c,build/%.bpf.o,$(wildcard policies/*/*.bpf.c tests/programs/*.bpf.c tests/integration/*.bpf.c tests/bench/*.bpf.c))

.DEFAULT_GOAL := all
.PHONY: all programs tests check defects demo lint fuzz bench cover reach verdicts format help setup clean
.SECONDARY:

all: $(BINARIES) programs ## build the binaries (build/bin) and the packs' programs
programs: $(PROGRAMS)

# ---- set-up: does nothing when nothing is missing ----
setup: ## install what is missing from Debian's packages
	@deploy/setup

# ---- objects and archives ----
$(OUT)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(CFLAGS_$(subst /,_,$(patsubst %/,%,$(dir $<)))) -MMD -MP -c $< -o $@

$(OUT)/obj/%.o: %.S
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) -MMD -MP -c $< -o $@

# LLVM's C headers are its own business: no warnings of ours about them.
CFLAGS_shared_jit = $(patsubst -I%,-isystem %,$(filter -I%,$(shell $(LLVM_CONFIG) --cflags)))

$(OUT)/lib/libeim-shared.a:     $(call obj,$(SRC_shared))
$(OUT)/lib/libeim-jit.a:        $(call obj,$(SRC_jit)) $(OUT)/obj/shared/jit/bitcode.o
$(OUT)/lib/libeim-controller.a: $(call obj,$(SRC_controller))
$(OUT)/lib/libeim-ctl.a:        $(call obj,$(SRC_ctl))
$(OUT)/lib/libeim-agent.a:      $(call obj,$(SRC_agent))
$(OUT)/lib/%.a:
	@mkdir -p $(@D)
	@rm -f $@ && ar rcs $@ $^

# ---- the runtime as bitcode: C that compiled programs are linked with ----
# rt_*.c run inside hosts; the rest of the folder looks at maps from outside.
SRC_runtime := $(wildcard shared/runtime/rt_*.c)
BC_FLAGS    := -std=gnu17 -O2 -g0 -ffreestanding -fno-builtin -fPIC -fvisibility=hidden -fno-stack-protector \
               -mno-sse -mno-mmx -mno-80387 -msoft-float -mno-red-zone -fno-unwind-tables \
               -fno-asynchronous-unwind-tables -fno-strict-aliasing -Wall -Wextra -Werror -I. -emit-llvm -c \
               -Xclang -disable-llvm-passes
build/bc/%.bc: %.c
	@mkdir -p $(@D)
	@echo "  BC      $<"
	@$(CLANG) $(BC_FLAGS) -MMD -MP -MF $(@:.bc=.d) $< -o $@
build/bc/runtime.bc: $(patsubst %.c,build/bc/%.bc,$(SRC_runtime))
	@llvm-link-$(LLVM) $^ -o $@
$(OUT)/obj/shared/jit/bitcode.o: shared/jit/bitcode.S build/bc/runtime.bc

# ---- binaries ----
$(OUT)/bin/eim-controller: $(call obj,controller/main.c) $(A_controller) $(A_shared)
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS) $^ $(LIBS_controller) $(LIBS_shared) -o $@
$(OUT)/bin/eimctl: $(call obj,controller/ctl/main.c) $(A_ctl) $(A_shared)
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS) $^ $(LIBS_ctl) $(LIBS_shared) -o $@
$(OUT)/bin/eim-agent: $(call obj,agent/daemon/main.c) $(A_agent) $(A_jit) $(A_shared)
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS) $^ $(LIBS_agent) $(LIBS_shared) -o $@
$(OUT)/bin/eim-compile: $(call obj,agent/compile/main.c) $(A_agent) $(A_jit) $(A_shared)
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS) $^ $(LIBS_jit) $(LIBS_agent) $(LIBS_shared) -o $@

# ---- eBPF programs ----
build/%.bpf.o: %.bpf.c api/include/eim_bpf.h
	@mkdir -p $(@D)
	@echo "  BPF     $<"
	@$(CLANG) -target bpf -mcpu=v3 -O2 -g -Wall -Werror -Iapi/include -fdebug-prefix-map=$(CURDIR)=. -c $< -o $@

# Programs that need version 4 of the instruction set say so in their name: NAME.v4.bpf.c.
build/%.v4.bpf.o: %.v4.bpf.c api/include/eim_bpf.h
	@mkdir -p $(@D)
	@echo "  BPF     $<"
	@$(CLANG) -target bpf -mcpu=v4 -O2 -g -Wall -Werror -Iapi/include -fdebug-prefix-map=$(CURDIR)=. -c $< -o $@

# ---- .case files: a header, then a program after "--- c" or "--- asm" (kept at its line numbers) ----
CASES := $(patsubst %.case,build/%.bpf.o,$(wildcard tests/cases/verifier/*.case))
build/tests/cases/%.bpf.o: tests/cases/%.case api/include/eim_bpf.h
	@mkdir -p $(@D)
	@echo "  CASE    $<"
	@awk 'body { print; next } /^--- / { body = 1 } { print "" }' $< > $(@:.bpf.o=.src)
	@case "$$(sed -n 's/^--- //p' $< | head -n 1)" in \
	c)   $(CLANG) -target bpf -mcpu=v3 -O2 -g -Wall -Werror -Iapi/include -fdebug-prefix-map=$(CURDIR)=. \
		-x c -c $(@:.bpf.o=.src) -o $@ ;; \
	asm) $(CLANG) -target bpf -mcpu=v4 -x assembler -c $(@:.bpf.o=.src) -o $@ ;; \
	*)   echo "$<: no line '--- c' or '--- asm'" >&2; exit 1 ;; \
	esac

# Programs of the reference of verdicts: C, with line numbers of their own, named as their authors would see them.
VERDICTS := $(patsubst %.case,build/%.bpf.o,$(wildcard tests/cases/verdicts/*.case))
build/tests/cases/verdicts/%.bpf.o: tests/cases/verdicts/%.case api/include/eim_bpf.h
	@mkdir -p $(@D)
	@echo "  CASE    $<"
	@awk 'body; /^--- c$$/ { body = 1 }' $< > $(@:.bpf.o=.c)
	@cd $(@D) && $(CLANG) -target bpf -mcpu=v3 -O2 -g -Wall -Werror -I$(CURDIR)/api/include \
		-fdebug-prefix-map=$(CURDIR)/$(@D)=. -c $*.c -o $(@F)

# Hosts that cases name in "host:": their types alone.
CASE_HOSTS := $(patsubst %.c,build/%.btf,$(wildcard tests/cases/hosts/*.c))
build/tests/cases/hosts/%.btf: tests/cases/hosts/%.c
	@mkdir -p $(@D)
	@echo "  BTF     $<"
	@$(CC) -std=gnu17 -O1 -gbtf -Wall -Wextra -Werror -c $< -o $(@:.btf=.o)
	@objcopy --dump-section .BTF=$@ $(@:.btf=.o)

# ---- tests: one executable for each tests/unit/…_test.c ----
SRC_tests := $(shell find tests/unit -name '*_test.c' 2>/dev/null)
TESTS     := $(patsubst %.c,$(OUT)/%,$(SRC_tests))
$(TESTS): | $(PROGRAMS)
$(OUT)/tests/unit/shared/verifier/case_test $(OUT)/tests/unit/sound/worst_test $(OUT)/tests/unit/shared/jit/object_test $(OUT)/tests/unit/controller/ctl/kernel_test: | $(CASES) $(CASE_HOSTS)
$(OUT)/tests/unit/shared/verifier/verdicts_test: | $(VERDICTS) $(CASE_HOSTS)
$(OUT)/tests/unit/shared/eim/role_argument_test: | $(CASE_HOSTS)
$(OUT)/tests/unit/shared/jit/%_test: EXTRA = $(LIBS_jit)
$(OUT)/tests/unit/%_test: $(OUT)/obj/tests/unit/%_test.o $(A_agent) $(A_ctl) $(A_controller) $(A_jit) $(A_shared)
	@mkdir -p $(@D)
	@echo "  TEST    $@"
	@$(CC) $(LDFLAGS) $< -Wl,--start-group $(A_agent) $(A_ctl) $(A_controller) $(A_jit) $(A_shared) -Wl,--end-group $(EXTRA) \
		-lcmocka $(LIBS_controller) $(LIBS_agent) $(LIBS_shared) -lpthread -o $@

# Extensions are compiled where they are put into hosts.
$(OUT)/tests/unit/agent/provider/extension_test: EXTRA = $(LIBS_jit)

# ---- soundness: generated programs, verified, then watched while they run ----
OBJ_sound := $(call obj,$(filter-out tests/sound/fuzz.c,$(wildcard tests/sound/*.c)))
$(filter $(OUT)/tests/unit/sound/%,$(TESTS)): $(OBJ_sound)
$(OUT)/tests/unit/sound/%_test: EXTRA = -Wl,--start-group $(OBJ_sound) $(A_jit) $(A_shared) -Wl,--end-group $(LIBS_jit)
$(OUT)/tests/sound/fuzz: $(OUT)/obj/tests/sound/fuzz.o $(OBJ_sound) $(A_jit) $(A_shared)
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS) $^ $(LIBS_jit) -lcmocka $(LIBS_shared) -lpthread -o $@

# ---- hosts that tests and benchmarks attach to ----
HOSTS := $(patsubst tests/hosts/%.c,$(OUT)/tests/hosts/%,$(wildcard tests/hosts/*.c)) $(OUT)/tests/hosts/target_host-static
# Hosts that include eim.h declare roles: their types go into the binary, and into NAME.btf beside it.
HOST_FLAGS := -std=gnu17 -O2 -g -Wall -Wextra -Wpedantic -Werror -D_GNU_SOURCE -I. -Iapi/include
$(OUT)/tests/hosts/%: tests/hosts/%.c api/include/eim.h
	@mkdir -p $(@D)
	@$(CC) $(HOST_FLAGS) $< -lpthread -rdynamic -Wl,--build-id -o $@.new
	@if grep -q '"eim.h"' $<; then pahole --btf_encode_detached $@.btf $@.new && \
		objcopy --add-section .BTF=$@.btf $@.new; fi
	@mv $@.new $@
$(OUT)/tests/hosts/%-static: tests/hosts/%.c
	@mkdir -p $(@D)
	@$(CC) $(HOST_FLAGS) -static $< -lpthread -o $@

$(OUT)/tests/unit/shared/eim/host_test $(OUT)/tests/unit/controller/ctl/explain_test: | $(OUT)/tests/hosts/file_host

tests: all $(TESTS) $(HOSTS) $(CASES) $(CASE_HOSTS)

# ---- fuzzers: libFuzzer with FUZZ, a plain replay of the corpus in `check` ----
FUZZERS  := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))
REPLAYS  := $(patsubst %,$(OUT)/tests/fuzz/%_replay,$(FUZZERS))
$(OUT)/tests/fuzz/%_replay: $(OUT)/obj/tests/fuzz/%_fuzz.o $(OUT)/obj/tests/fuzz/replay.o $(A_ctl) $(A_controller) $(A_agent) $(A_jit) $(A_shared)
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS) $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS_controller) $(LIBS_agent) $(LIBS_shared) -o $@
SRC_fuzzed := $(SRC_shared) $(wildcard agent/attach/*.c agent/attach/x86_64/*.c agent/discover/*.c)
SRC_fuzzed += agent/compile/message.c controller/http/target.c $(wildcard controller/model/*.c)
build/fuzz/%: tests/fuzz/%_fuzz.c $(SRC_fuzzed)
	@mkdir -p $(@D)
	@$(CLANG) -std=gnu17 $(CPPFLAGS) -O1 -g -fno-strict-aliasing -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined $< $(SRC_fuzzed) $(LIBS_shared) -lZydis -o $@
FUZZ_SECONDS ?= 60
fuzz: setup $(patsubst %,build/fuzz/%,$(FUZZERS)) $(OUT)/tests/sound/fuzz ## run every fuzzer for FUZZ_SECONDS (60)
	@echo "== generated programs"; $(OUT)/tests/sound/fuzz --seconds $(FUZZ_SECONDS) --seed $$(date +%s)000
	@for f in $(FUZZERS); do mkdir -p build/fuzz/corpus/$$f; echo "== $$f"; \
		build/fuzz/$$f -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
		-artifact_prefix=build/fuzz/$$f- build/fuzz/corpus/$$f tests/fuzz/corpus/$$f \
		2>&1 | tail -n 12 || exit 1; done

# ---- goals ----
check: ## install what tests need, build, run every test; prints 'N passed, N failed'
	@deploy/setup --tests
	@$(MAKE) --no-print-directory -j$$(nproc) tests $(REPLAYS) $(OUT)/tests/sound/fuzz
	@OUT=$(OUT) SAN=$(SAN) tests/run $(ONLY)
$(REPLAYS): | tests

demo: ## the whole path on this machine: nginx, a policy, a rejection, and everything back as it was
	@deploy/setup --demo
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@deploy/demo/run

defects: ## break the verifier in one place at a time; the tests are to notice
	@$(MAKE) --no-print-directory -j$$(nproc) tests $(OUT)/tests/sound/fuzz
	@tests/sound/defects

lint: ## arrows between folders, names, banned calls, maps in README files, format
	@deploy/setup --lint
	@tests/lint/run

$(OUT)/tests/bench/%: $(OUT)/obj/tests/bench/%.o $(A_shared)
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS) $^ -lbpf $(LIBS_shared) -o $@

$(OUT)/tests/bench/meter: $(OUT)/obj/tests/bench/meter.o $(A_jit) $(A_shared)
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS) $^ $(LIBS_jit) $(LIBS_shared) -o $@

bench: ## figures, side by side in one run
	@deploy/setup --tests
	@$(MAKE) --no-print-directory -j$$(nproc) all $(HOSTS) $(OUT)/tests/bench/hook $(OUT)/tests/bench/verify $(OUT)/tests/bench/meter
	@tests/bench/run

verdicts: $(OUT)/tests/unit/shared/verifier/verdicts_test ## write shared/verifier/VERDICTS.md from its sources
	@$< --print > $(OUT)/VERDICTS.md && mv $(OUT)/VERDICTS.md shared/verifier/VERDICTS.md

cover: ## line coverage of the unit tests
	@$(MAKE) --no-print-directory SAN= OUT=build/cover CFLAGS="$(CFLAGS) -O0 --coverage" \
		LDFLAGS="$(LDFLAGS) --coverage" -j$$(nproc) tests
	@OUT=build/cover tests/run unit; gcov -r -n $$(find build/cover/obj -name '*.gcda') 2>/dev/null | \
		grep -A1 "^File '\(shared\|agent\|controller\)" | paste - - - | sort | cut -c1-120

reach: ## what generated programs reach: of the instruction set, and of the verifier's lines and branches
	@$(MAKE) --no-print-directory SAN= OUT=build/reach CFLAGS="$(CFLAGS) -O0 --coverage" \
		LDFLAGS="$(LDFLAGS) --coverage" -j$$(nproc) build/reach/tests/sound/fuzz
	@find build/reach -name '*.gcda' -delete; build/reach/tests/sound/fuzz --count 20000 --every 0 --report
	@gcov -b -n build/reach/obj/shared/verifier/*.gcda 2>/dev/null | grep -A3 "^File 'shared/verifier" | \
		awk -F"[':% ]+" '/^File/ { f = $$2 } /^Lines/ { l = $$3; n = $$5 } /^Taken/ { print f, l, n, $$5, $$7 }' | \
		sort -u | awk '{ printf "%6.1f%% of %4d lines %6.1f%% of %4d branches  %s\n", $$2, $$3, $$4, $$5, $$1; \
		l += $$2 * $$3; n += $$3; b += $$4 * $$5; m += $$5 } END { \
		printf "%6.1f%% of %4d lines %6.1f%% of %4d branches  together\n", l / n, n, b / m, m }'

format: ## lay out the sources by clang-format
	@clang-format -i $$(git ls-files '*.c' '*.h' ':!*.tbl.h' ':!*.bpf.c')

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

clean: ## remove build/
	@rm -rf build

-include $(shell find $(OUT)/obj build/bc -name '*.d' 2>/dev/null)
