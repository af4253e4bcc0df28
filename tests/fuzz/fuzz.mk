# fuzz.mk: `make fuzz` runs each target of this folder for FUZZ_SECONDS from
# its seeds in corpus/. What it learns stays in the build folder; an input
# that fails is kept there as crash-*, timeout-* or oom-*.

FUZZ_SECONDS ?= 60
FUZZ_CC ?= clang
FUZZ_CXX ?= clang++
FUZZ_BUILD := $(BUILD)/fuzz
FUZZ_SANITIZE := -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined
FUZZ_TARGETS := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ_OBJECTS := $(patsubst %,$(FUZZ_BUILD)/%.o,$(wildcard db/base/*.c \
	handlers/formats/*.c handlers/formats/*.cc))
FUZZ_FLAGS := -D_GNU_SOURCE -DACTD_SANITIZED -I. -O1 -g $(FUZZ_SANITIZE) $(PKG_CFLAGS) -MMD -MP

$(FUZZ_BUILD)/%.c.o: %.c
	@mkdir -p $(@D)
	$(FUZZ_CC) -std=c11 $(FUZZ_FLAGS) -c -o $@ $<

$(FUZZ_BUILD)/%.cc.o: %.cc
	@mkdir -p $(@D)
	$(FUZZ_CXX) -std=c++17 $(FUZZ_FLAGS) -c -o $@ $<

# An archive: what a target does not need may need more than is here.
$(FUZZ_BUILD)/formats.a: $(FUZZ_OBJECTS)
	@rm -f $@
	@ar rcs $@ $^

$(FUZZ_BUILD)/%_fuzz: $(FUZZ_BUILD)/tests/fuzz/%_fuzz.c.o $(FUZZ_BUILD)/formats.a
	$(FUZZ_CXX) -fsanitize=fuzzer,address,undefined -o $@ $^ $(PKG_LIBS)

fuzz: $(FUZZ_TARGETS:%=fuzz-%)

fuzz-%: $(FUZZ_BUILD)/%_fuzz
	@mkdir -p $(FUZZ_BUILD)/learnt/$*
	$< -max_total_time=$(FUZZ_SECONDS) -timeout=5 -max_len=8192 \
		-artifact_prefix=$(FUZZ_BUILD)/$*- -print_final_stats=1 \
		$(FUZZ_BUILD)/learnt/$* tests/fuzz/corpus/$*

.PHONY: fuzz
.PRECIOUS: $(FUZZ_BUILD)/%.c.o $(FUZZ_BUILD)/%.cc.o $(FUZZ_BUILD)/%_fuzz
