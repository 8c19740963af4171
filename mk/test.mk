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
UNIT_core   := base json wire spec net vault store core
# tests of workers start real ones: the core's side of them comes along
EXTRA_worker := src/core/pool.c src/core/spawn.c src/core/page_retry.c
UNIT_ROOMS  := base json wire spec plan script worker net vault store core

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
