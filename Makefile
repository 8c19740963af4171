# perilune: build, test, install. `make help` lists the targets.
#   make [B=DIR] [CC=clang]        release binary build/perilune
#   make unit-ROOM [B=DIR]         build and run one room's unit test with sanitizers
B        ?= build
ifeq ($(origin CC),default)
CC       := gcc
endif
V        ?= 0
Q_0      := @
Q        := $(Q_$(V))
PREFIX   ?= /usr/local
DESTDIR  ?=
VERSION  := $(shell cat VERSION)

PKGS     := lua5.4 libcurl sqlite3 libcrypto libuv libmicrohttpd libseccomp libxxhash zlib
ROOMS    := base json wire spec plan script worker net vault store core api cmd

WARN     := -std=c11 -Wall -Wextra -Wshadow -Wconversion -Werror -Wstrict-prototypes -Wmissing-prototypes -Wvla
DEFS     := -D_GNU_SOURCE -DPERI_VERSION='"$(VERSION)"' -Isrc -I$(B)/gen
# pkg-config answers late: on a fresh machine the packages come only when a target has run `deps`
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS) | sed 's/-I/-isystem /g')
PKG_LIBS   = $(shell pkg-config --libs $(PKGS)) -lpthread -lm
HARDEN   := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE -fstack-clash-protection -fcf-protection
HARDEN_LD:= -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed

REL_FLAGS := -O2 -g $(HARDEN)
DBG_FLAGS := -O1 -g3 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -DPERI_DEBUG=1

SRC      := $(sort $(wildcard src/*/*.c))
MAIN     := src/main.c

include mk/embed.mk
include mk/test.mk
include mk/tools.mk

.DEFAULT_GOAL := all
.PHONY: all debug clean help deps
all: deps-build
	@$(MAKE) --no-print-directory $(B)/perilune

debug: deps-build
	@$(MAKE) --no-print-directory $(B)/debug/perilune

# ---- release ----
REL_OBJ := $(SRC:src/%.c=$(B)/rel/%.o) $(MAIN:src/%.c=$(B)/rel/%.o) $(EMBED_C:%.c=%.rel.o)
$(B)/perilune: $(REL_OBJ)
	@echo '  link  $@'
	$(Q)$(CC) $(REL_FLAGS) $(HARDEN_LD) -o $@ $^ $(PKG_LIBS)
$(B)/rel/%.o: src/%.c | $(GEN_H)
	@mkdir -p $(@D)
	$(Q)$(CC) $(WARN) $(DEFS) $(PKG_CFLAGS) $(REL_FLAGS) -MMD -MP -c -o $@ $<

# ---- debug: AddressSanitizer, UndefinedBehaviorSanitizer ----
DBG_OBJ := $(SRC:src/%.c=$(B)/dbg/%.o) $(MAIN:src/%.c=$(B)/dbg/%.o) $(EMBED_C:%.c=%.dbg.o)
$(B)/debug/perilune: $(DBG_OBJ)
	@mkdir -p $(@D)
	@echo '  link  $@'
	$(Q)$(CC) $(DBG_FLAGS) -o $@ $^ $(PKG_LIBS)
$(B)/dbg/%.o: src/%.c | $(GEN_H)
	@mkdir -p $(@D)
	$(Q)$(CC) $(WARN) $(DEFS) $(PKG_CFLAGS) $(DBG_FLAGS) -MMD -MP -c -o $@ $<

-include $(REL_OBJ:.o=.d) $(DBG_OBJ:.o=.d)

clean:
	rm -rf build demo coverage
