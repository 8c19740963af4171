# Files that travel inside the binary: shipped connectors, mappings, emulators, the SQL schema. What `make docs` writes is made by the binary and stays out.
EMBED_FILES := $(sort $(wildcard connectors/*.lua mappings/*/*.lua src/store/*.sql))
EMBED_C     := $(B)/gen/embed.c
GEN_H       :=
$(EMBED_C): $(EMBED_FILES) mk/embed.sh
	@mkdir -p $(@D)
	sh mk/embed.sh $(EMBED_FILES) > $@.tmp && mv $@.tmp $@
%.rel.o: %.c
	$(Q)$(CC) $(WARN) $(DEFS) $(REL_FLAGS) -c -o $@ $<
%.dbg.o: %.c
	$(Q)$(CC) $(WARN) $(DEFS) $(DBG_FLAGS) -c -o $@ $<
