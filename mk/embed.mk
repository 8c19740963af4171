# Files that travel inside the binary: shipped connectors, mappings, emulators, completions, the man page, the SQL schema, the Lua prelude.
EMBED_FILES := $(sort $(wildcard connectors/*.lua mappings/*/*.lua lua/*.lua src/store/*.sql share/*))
EMBED_C     := $(B)/gen/embed.c
GEN_H       :=
$(EMBED_C): $(EMBED_FILES) mk/embed.sh
	@mkdir -p $(@D)
	sh mk/embed.sh $(EMBED_FILES) > $@.tmp && mv $@.tmp $@
%.rel.o: %.c
	$(Q)$(CC) $(WARN) $(DEFS) $(REL_FLAGS) -c -o $@ $<
%.dbg.o: %.c
	$(Q)$(CC) $(WARN) $(DEFS) $(DBG_FLAGS) -c -o $@ $<
