# actd. `make run` and `make test` do everything; the rest is for development.
#
#   make            build into build/
#   make run        install what is missing, build, serve until Ctrl-C
#   make start|stop|status   the same instance in the background
#                   (PORT=6336 INSTANCE=var WORKERS=8 LISTEN=127.0.0.1)
#   make test       all tests        make check-asan   HTTP tests, sanitized
#   make unit       unit tests       make lint         layers, scripts, format, analysis
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
# make V=1 shows the commands
Q := $(if $(V),,@)

PACKAGES := fcgi json-c libpq libjwt openssl libcurl yaml-0.1 tomlplusplus \
	libcrypt libzip expat freexl xlsxwriter libcmark
# asked once, and only when something is compiled
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PACKAGES)))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $(shell pkg-config --libs $(PACKAGES)) -lcsv -lstdc++)$(PKG_LIBS)

HARDENING := -fstack-protector-strong -fPIE
ifeq ($(SANITIZE),)
HARDENING += -D_FORTIFY_SOURCE=2
endif
WARNINGS := -Wall -Wextra -Wshadow -Wvla -Wformat=2 $(WERROR)
CPPFLAGS += -D_GNU_SOURCE -I. -I$(BUILD) -DACTD_VERSION='"$(VERSION)"' \
	-DACTD_LIBEXEC='"$(PREFIX)/libexec/actd"' -MMD -MP
CFLAGS += -std=c11 $(OPTIMIZE) -g $(WARNINGS) -Wstrict-prototypes \
	-Wmissing-prototypes $(HARDENING) $(SANITIZE) $(PKG_CFLAGS)
CXXFLAGS += -std=c++17 $(OPTIMIZE) -g $(WARNINGS) $(HARDENING) $(SANITIZE) \
	$(PKG_CFLAGS)
LDFLAGS += -pie -Wl,-z,relro,-z,now $(SANITIZE)

SOURCES := $(filter-out fcgi/main.c,$(wildcard fcgi/*.c handlers/*.c \
	handlers/performers/*.c handlers/formats/*.c handlers/remote/*.c \
	db/*.c db/base/*.c))
SHIMS := $(wildcard handlers/formats/*.cc)
EMBEDDED := $(BUILD)/sql/system.yaml.o $(BUILD)/sql/functions.sql.o \
	$(BUILD)/handlers/openapi.yaml.o
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o) $(SHIMS:%.cc=$(BUILD)/%.o) $(EMBEDDED)
LIBRARY := $(BUILD)/libactd.a
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*_test.c))
OURS = $(wildcard fcgi/*.[ch] handlers/*.[ch] handlers/*/*.[ch] \
	handlers/*/*.cc db/*.[ch] db/base/*.[ch] tests/*/*.[ch])

# JavaScript in actions: a program of its own, where its library is there.
EVALUATOR := $(if $(shell pkg-config --exists javascriptcoregtk-4.1 2>/dev/null && \
	echo yes),$(BUILD)/actd-evaluator)

all: $(BUILD)/actd $(BUILD)/actd.conf.5 $(EVALUATOR)

$(BUILD)/handlers/evaluator/%.o: PKG_CFLAGS = $(shell pkg-config --cflags \
	javascriptcoregtk-4.1)
$(BUILD)/actd-evaluator: $(patsubst %.c,$(BUILD)/%.o,\
		$(wildcard handlers/evaluator/*.c)) $(BUILD)/db/base/utf8.o
	@echo "  LINK $@"
	$Q$(CC) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs \
		javascriptcoregtk-4.1)

$(BUILD)/actd: $(BUILD)/fcgi/main.o $(LIBRARY)
	@echo "  LINK $@"
	$Q$(CC) $(LDFLAGS) -o $@ $< $(LIBRARY) $(PKG_LIBS)

$(LIBRARY): $(OBJECTS)
	@rm -f $@
	@ar rcs $@ $(OBJECTS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC   $<"
	$Q$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(BUILD)/%.o: %.cc
	@mkdir -p $(@D)
	@echo "  CXX  $<"
	$Q$(CXX) $(CPPFLAGS) $(CXXFLAGS) -c -o $@ $<

# Files compiled in, as _binary_sql_system_yaml_start and _end.
$(EMBEDDED): $(BUILD)/%.o: %
	@mkdir -p $(@D)
	$Qld -r -b binary -z noexecstack -o $@ $<

# The table of keys is in the program.
$(BUILD)/actd.conf.5: fcgi/actd.conf.5 $(BUILD)/actd
	$Q$(BUILD)/actd keys --roff >$@.keys
	$Qsed -e '/^\.\\" KEYS/r $@.keys' $< >$@

$(BUILD)/tests/unit/%_test: $(BUILD)/tests/unit/%_test.o $(LIBRARY)
	@echo "  LINK $@"
	$Q$(CC) $(LDFLAGS) -o $@ $< $(LIBRARY) $(PKG_LIBS) -lcmocka

help:
	@sed -n '/^#   make/,/^$$/s/^# *//p' Makefile

# Instances.

packages:
	@nginx/install-packages

# What serving needs.
ready: packages
	@$(MAKE) --no-print-directory -j$$(nproc) all

run: ready
	@ACTD_BUILD='$(abspath $(BUILD))' nginx/instance run

start: ready
	@ACTD_BUILD='$(abspath $(BUILD))' nginx/instance start

stop:
	@nginx/instance stop

status:
	@nginx/instance status

export INSTANCE PORT WORKERS LISTEN

# Tests and checks.

# Benchmarks and long runs have targets of their own; of fuzzing a little is here.
TEST_RUNS = $(filter-out tests/bench/% tests/soak/%,$(wildcard tests/*/run))

test:
	@nginx/install-packages test
	@$(MAKE) --no-print-directory -j$$(nproc) all $(UNIT_TESTS)
	@failed=; $(MAKE) --no-print-directory unit layers || failed=1; \
		for run in $(TEST_RUNS); do echo "== $$run"; \
		ACTD_BUILD='$(abspath $(BUILD))' $$run || failed=1; done; \
		test -z "$$failed"

unit: $(EVALUATOR) $(UNIT_TESTS)
	@failed=; for test in $(UNIT_TESTS); do \
		echo "== $$test"; tests/with-postgres $$test || failed=1; done; \
		test -z "$$failed"

check-asan:
	@$(MAKE) --no-print-directory BUILD=build/asan \
		SANITIZE='-fsanitize=address,undefined \
		-fno-sanitize-recover=all -fno-omit-frame-pointer' all
	@ACTD_BUILD='$(abspath build/asan)' tests/http/run

# Includes go fcgi -> handlers -> db -> db/base, and each library of the world
# outside has one user. Statements are written in db/ only.
SQL_TEXT := "(SELECT|INSERT|UPDATE|DELETE|WITH|COPY|LOCK|LISTEN|NOTIFY|BEGIN|$\
	COMMIT|ROLLBACK|SET|CREATE|ALTER|DROP|TRUNCATE)[ ;]
layers:
	@! grep -nE '#include "(fcgi|handlers)/' $(wildcard db/*.[ch])
	@! grep -nE '#include "(fcgi|handlers|db/[^b])' $(wildcard db/base/*.[ch])
	@! grep -nE '#include "fcgi/' $(wildcard handlers/*.[ch] handlers/*/*.[ch])
	@! grep -nE '$(SQL_TEXT)' $(filter-out db/% tests/%,$(OURS))
	@! grep -ln 'libpq-fe.h' $(filter-out db/% tests/%,$(OURS))
	@! grep -ln 'fcgiapp.h' $(filter-out fcgi/% tests/%,$(OURS))
	@! grep -ln 'jwt\.h' $(filter-out handlers/auth.c tests/%,$(OURS))
	@! grep -ln 'cmark\.h' $(filter-out handlers/markdown.c tests/%,$(OURS))
	@echo "layers: ok"

# Variadic functions end in a plain NULL here, which POSIX makes a pointer. An
# error is never in the variable whose address was given to the one that made
# it; the compiler sees to real ones (-Wreturn-local-addr).
CPPCHECK_WRONG := missingIncludeSystem varFuncNullUB returnDanglingLifetime
SCRIPTS := nginx/instance nginx/install-packages .ci/run tests/with-postgres \
	$(wildcard tests/*/run tests/*/*.sh)
lint: layers
	@nginx/install-packages lint
	shellcheck --severity=warning $(SCRIPTS)
	clang-format --dry-run --Werror $(filter %.c %.h,$(OURS))
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 \
		--enable=warning,portability $(CPPCHECK_WRONG:%=--suppress=%) \
		--library=.ci/cppcheck.cfg -I. $(SOURCES) fcgi/main.c

bench soak:
	@set -e; for run in $(wildcard tests/$@/run); do $$run; done

compile_commands.json:
	bear -- $(MAKE) -B all

-include tests/fuzz/fuzz.mk

# Installing. INSTALL says what to do afterwards.

LIBEXEC = $(DESTDIR)$(PREFIX)/libexec/actd
SHARE = $(DESTDIR)$(PREFIX)/share
UNITS = $(DESTDIR)$(PREFIX)/lib/systemd/system
install: all
	install -d '$(DESTDIR)$(PREFIX)/sbin' '$(LIBEXEC)/console' '$(UNITS)' \
		'$(SHARE)/actd' '$(SHARE)/man/man5' '$(SHARE)/man/man8'
	install $(BUILD)/actd '$(DESTDIR)$(PREFIX)/sbin/actd'
	install nginx/instance '$(LIBEXEC)'
	install -m 644 nginx/*.conf nginx/*.conf.in '$(LIBEXEC)'
	install -m 644 nginx/console/* '$(LIBEXEC)/console'
	! test -x $(BUILD)/actd-evaluator || \
		install $(BUILD)/actd-evaluator '$(LIBEXEC)/evaluator'
	for file in nginx/*.service nginx/*.socket; do \
		sed 's|@PREFIX@|$(PREFIX)|' $$file >'$(UNITS)/'$${file##*/}; done
	for file in http server; do sed -e 's|@LISTEN@|80|' \
		-e 's|@QUICK@|unix:/run/actd/quick.sock|' \
		-e 's|@HASH@|unix:/run/actd/hash.sock|' \
		-e 's|@LONG@|unix:/run/actd/long.sock|' \
		-e 's|@EVENTS@|unix:/run/actd/events.sock|' \
		-e 's|@CONSOLE@|$(PREFIX)/libexec/actd/console|' \
		-e 's|@FILES@|/var/lib/actd/files|' \
		-e 's|@FASTCGI@|$(PREFIX)/libexec/actd/fastcgi.conf|' \
		-e 's|@ERROR@|$(PREFIX)/libexec/actd/error.conf|' \
		nginx/$$file.conf.in >'$(SHARE)'/actd/nginx-$$file.conf; done
	install -m 644 fcgi/actd.8 '$(SHARE)/man/man8'
	install -m 644 $(BUILD)/actd.conf.5 '$(SHARE)/man/man5'

clean:
	rm -rf build

.PHONY: all help packages ready run start stop status test unit check-asan layers lint \
	bench soak install clean compile_commands.json
.PRECIOUS: $(BUILD)/%.o
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
