# Unit tests: tests/unit/test_ROOM.c (cmocka), linked with the debug objects of the rooms below, in one binary a room.
# `make unit-json B=/tmp/b` builds and runs only that; a broken file in another room does not stop it.
UNIT_base   := base
UNIT_json   := base json
UNIT_wire   := base json wire
UNIT_spec   := base json spec
UNIT_plan   := base json spec plan
UNIT_script := base json wire spec plan script
UNIT_worker := base json wire spec plan script worker
UNIT_net    := base json net
UNIT_vault  := base json vault
UNIT_store  := base json spec vault store
UNIT_emulate := base json wire spec plan script worker net vault
UNIT_core   := base json wire spec net vault store core
# tests of workers start real ones: the core's side of them comes along
EXTRA_worker := src/core/pool.c src/core/owed.c src/core/spawn.c src/core/page_retry.c src/core/doctor.c
EXTRA_emulate := src/core/emulate.c src/core/emulate_hooks.c src/core/emulate_sign.c src/core/pool.c src/core/owed.c src/core/spawn.c
UNIT_ROOMS  := base json wire spec plan script worker net vault emulate store core

room_src = $(foreach r,$(1),$(wildcard src/$(r)/*.c))
define unit_rule
$(B)/unit/test_$(1): $$(patsubst src/%.c,$(B)/dbg/%.o,$$(call room_src,$$(UNIT_$(1))) $$(EXTRA_$(1))) $(wildcard tests/unit/test_$(1)*.c) $$(EMBED_C:%.c=%.dbg.o)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(WARN) $$(DEFS) $$(PKG_CFLAGS) $$(DBG_FLAGS) -Itests/unit -o $$@ $(wildcard tests/unit/test_$(1)*.c) $$(filter %.o,$$^) -lcmocka $$(PKG_LIBS)
.PHONY: unit-$(1)
unit-$(1): $(B)/unit/test_$(1)
	$(B)/unit/test_$(1)
endef
$(foreach r,$(UNIT_ROOMS),$(eval $(call unit_rule,$(r))))
.PHONY: unit
unit: $(addprefix unit-,$(UNIT_ROOMS))

# ---- the string functions against Lua itself, twenty million cases, of which eleven are patterns: optimised, without sanitizers ----
MATCH_SRC := $(call room_src,base json wire spec plan script)
$(B)/match/%.o: src/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(WARN) $(DEFS) $(PKG_CFLAGS) -O2 -MMD -MP -c -o $@ $<
$(B)/match/run: $(MATCH_SRC:src/%.c=$(B)/match/%.o) $(wildcard tests/unit/test_script*.c) $(EMBED_C:%.c=%.rel.o)
	$(Q)$(CC) $(WARN) $(DEFS) $(PKG_CFLAGS) -O2 -Itests/unit -o $@ $(wildcard tests/unit/test_script*.c) $(filter %.o,$^) -lcmocka $(PKG_LIBS)
-include $(MATCH_SRC:src/%.c=$(B)/match/%.d)
.PHONY: match
match: deps-test
	@$(MAKE) --no-print-directory $(B)/match/run
	PERI_MATCH_CASES=$${MATCH_CASES:-20000000} PERI_MATCH_SEED=$${MATCH_SEED:-1} $(B)/match/run

# ---- fuzz targets (clang) ----
FUZZ_CC    := clang
FUZZ_FLAGS := -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -DPERI_DEBUG=1
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SRC   := $(call room_src,base json wire spec plan script)
$(B)/fuzz/obj/%.o: src/%.c
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(filter-out -Werror,$(WARN)) $(DEFS) $(PKG_CFLAGS) $(subst fuzzer,fuzzer-no-link,$(FUZZ_FLAGS)) -c -o $@ $<
$(B)/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(FUZZ_SRC:src/%.c=$(B)/fuzz/obj/%.o) $(EMBED_C:%.c=%.dbg.o)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(DEFS) $(PKG_CFLAGS) $(FUZZ_FLAGS) -o $@ $< $(filter %.o,$^) $(PKG_LIBS)
.PHONY: fuzz fuzz-build
fuzz-build: $(addprefix $(B)/fuzz/fuzz_,$(FUZZ_NAMES))
fuzz: deps-test
	@$(MAKE) --no-print-directory fuzz-build
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-600} B=$(B) sh tests/run.sh $(addprefix fuzz-,$(FUZZ_NAMES))

# ---- a debug build that valgrind can run: no sanitizer, PERILUNE_EXE honoured ----
VG_OBJ := $(SRC:src/%.c=$(B)/vgo/%.o) $(MAIN:src/%.c=$(B)/vgo/%.o) $(EMBED_C:%.c=%.rel.o)
$(B)/vgo/%.o: src/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(WARN) $(DEFS) $(PKG_CFLAGS) -O1 -g -DPERI_DEBUG=1 -MMD -MP -c -o $@ $<
$(B)/vg/perilune: $(VG_OBJ)
	@mkdir -p $(@D)
	@echo '  link  $@'
	$(Q)$(CC) -g -o $@ $^ $(PKG_LIBS)
-include $(VG_OBJ:.o=.d)

# ---- everything ----
$(B)/tools/%: tests/tools/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(WARN) $(DEFS) -O1 -g -o $@ $< $(TOOL_LIBS)
$(B)/tools/badserver: tests/tools/badserver_data.h
$(B)/tools/badserver: TOOL_LIBS := -lz
# libraries for LD_PRELOAD: calls that fail, a process that is killed at a chosen one
$(B)/tools/%.so: tests/preload/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -Wmissing-prototypes,$(WARN)) -Wno-nonnull-compare -D_GNU_SOURCE -O1 -g -shared -fPIC -o $@ $< -ldl
TOOLS := $(patsubst tests/preload/%.c,$(B)/tools/%.so,$(wildcard tests/preload/*.c)) \
         $(patsubst tests/tools/%.c,$(B)/tools/%,$(wildcard tests/tools/*.c))

# 1,000 kills over 100,000 records with faulty replies, then every kind of call failing at many points; settings: see tests/torture/kills.sh
.PHONY: torture
torture: deps-test
	@$(MAKE) --no-print-directory $(B)/perilune $(TOOLS)
	@B=$(B) PERILUNE=$(CURDIR)/$(B)/perilune sh tests/torture/kills.sh
	@B=$(B) PERILUNE=$(CURDIR)/$(B)/perilune FAILING_POINTS=$${FAILING_POINTS:-40} FAILING_KILLS=$${FAILING_KILLS:-100} sh tests/e2e/failing.sh

.PHONY: test test-build deps-test
deps-test:
	@sh mk/deps.sh build test
test-build: $(B)/perilune $(B)/debug/perilune $(B)/vg/perilune $(addprefix $(B)/unit/test_,$(UNIT_ROOMS)) $(TOOLS) fuzz-build
test: deps-test
	@$(MAKE) --no-print-directory -j2 test-build
	@B=$(B) sh tests/run.sh
