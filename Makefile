# actd. `make run` and `make test` do everything; the rest is for development.
#
#   make            build into build/
#   make run        install what is missing, build, serve until Ctrl-C
#   make start|stop|status   the same instance in the background
#   make test       all tests        make check-asan   HTTP tests, sanitized
#   make lint       format, layers, static analysis
#   make bench|soak|fuzz     figures, long runs, fuzzing
#   make install DESTDIR= PREFIX=

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
VERSION := 0.1.0
CC ?= cc
CXX ?= c++
WERROR ?= -Werror
SANITIZE ?=
OPTIMIZE ?= -O2

PACKAGES := fcgi json-c libpq libjwt openssl libcurl yaml-0.1 tomlplusplus libcrypt
PKG_CFLAGS = $(shell pkg-config --cflags $(PACKAGES))
PKG_LIBS = $(shell pkg-config --libs $(PACKAGES)) -lstdc++

WARNINGS := -Wall -Wextra -Wshadow -Wvla -Wformat=2 $(WERROR)
HARDENING := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
CPPFLAGS += -D_GNU_SOURCE -I. -I$(BUILD) -DACTD_VERSION='"$(VERSION)"' \
	-DACTD_LIBEXEC='"$(PREFIX)/libexec/actd"' -MMD -MP
CFLAGS += -std=c11 $(OPTIMIZE) -g $(WARNINGS) -Wstrict-prototypes \
	-Wmissing-prototypes $(HARDENING) $(SANITIZE) $(PKG_CFLAGS)
CXXFLAGS += -std=c++17 $(OPTIMIZE) -g $(WARNINGS) $(HARDENING) $(SANITIZE) \
	$(PKG_CFLAGS)
LDFLAGS += -pie -Wl,-z,relro,-z,now $(SANITIZE)
ifneq ($(SANITIZE),)
HARDENING := -fstack-protector-strong -fPIE
endif

SOURCES := $(filter-out fcgi/main.c,$(wildcard fcgi/*.c handlers/*.c \
	handlers/performers/*.c handlers/formats/*.c handlers/remote/*.c \
	db/*.c db/base/*.c))
SHIMS := $(wildcard handlers/formats/*.cc)
EMBEDDED := $(BUILD)/sql/system.yaml.o $(BUILD)/sql/functions.sql.o
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o) $(SHIMS:%.cc=$(BUILD)/%.o) $(EMBEDDED)
LIBRARY := $(BUILD)/libactd.a
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*_test.c))

all: $(BUILD)/actd

$(BUILD)/actd: $(BUILD)/fcgi/main.o $(LIBRARY)
	$(CC) $(LDFLAGS) -o $@ $< $(LIBRARY) $(PKG_LIBS)

$(LIBRARY): $(OBJECTS)
	@rm -f $@
	ar rcs $@ $(OBJECTS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(BUILD)/%.o: %.cc
	@mkdir -p $(@D)
	$(CXX) $(CPPFLAGS) $(CXXFLAGS) -c -o $@ $<

# Files compiled in, as _binary_sql_system_yaml_start and _end.
$(BUILD)/sql/%.o: sql/%
	@mkdir -p $(@D)
	ld -r -b binary -z noexecstack -o $@ $<

$(BUILD)/tests/unit/%_test: $(BUILD)/tests/unit/%_test.o $(LIBRARY)
	$(CC) $(LDFLAGS) -o $@ $< $(LIBRARY) $(PKG_LIBS) -lcmocka

unit: $(UNIT_TESTS)
	@set -e; for t in $(UNIT_TESTS); do $$t; done

clean:
	rm -rf build

.PHONY: all unit clean
.PRECIOUS: $(BUILD)/%.o
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
