# Packages, lint, format, docs, bench, install, coverage.
.PHONY: deps-build lint layers format docs bench install coverage demo compile_commands.json
deps-build:
	@sh mk/deps.sh build

demo: all
	@$(B)/perilune demo demo

# ---- lint ----
lint: compile_commands.json
	@sh mk/deps.sh build lint
	@sh mk/layers.sh
	@printf "%s\n" $(SRC) $(MAIN) | xargs -P 2 -n 8 clang-tidy --quiet -p . 2>&1 | { grep -E "(warning|error):" && exit 1 || exit 0; }
	cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,portability --inline-suppr --suppressions-list=.cppcheck --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches -Isrc src
	luacheck --quiet --config .luacheckrc connectors mappings
layers:
	@sh mk/layers.sh
format:
	@sh mk/deps.sh lint
	clang-format -i $(SRC) $(MAIN) $(wildcard src/*/*.h) $(wildcard tests/*/*.[ch])
compile_commands.json: export FLAGS = $(WARN) $(DEFS) $(PKG_CFLAGS) -O1
compile_commands.json: $(GEN_H)
	@sh mk/compile_commands.sh $(SRC) $(MAIN) > $@

# ---- docs: the reference is made from the tables of words and commands ----
docs: all
	@mkdir -p docs/reference lua share/man
	$(B)/perilune help --reference > docs/reference/words.md
	$(B)/perilune help --commands > docs/reference/commands.md
	$(B)/perilune help --stubs > lua/perilune.meta.lua
	$(B)/perilune help --man > share/man/perilune.1

# perilune against systems that others wrote; what cannot be installed is skipped with a word
.PHONY: test-real
test-real: all
	@sh mk/deps.sh test real || echo "not everything could be installed; what needs it is skipped"
	@$(MAKE) --no-print-directory $(TOOLS)
	@B=$(B) sh tests/real/run.sh

bench: all
	@sh mk/deps.sh bench
	@B=$(B) sh tests/bench/run.sh

coverage: deps-test
	@sh mk/coverage.sh $(B)/coverage

install: all
	install -D -m 755 $(B)/perilune $(DESTDIR)$(PREFIX)/bin/perilune
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d $(DESTDIR)$(PREFIX)/share/perilune
	$(B)/perilune help --man > $(DESTDIR)$(PREFIX)/share/man/man1/perilune.1
	$(B)/perilune completion bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/perilune
	$(B)/perilune completion zsh > $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_perilune
	$(B)/perilune completion fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/perilune.fish
	$(B)/perilune help --stubs > $(DESTDIR)$(PREFIX)/share/perilune/perilune.meta.lua
