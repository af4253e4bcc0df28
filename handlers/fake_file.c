/*
 * fake_file.c: generators of files: of one pixel, or of a few words.
 */
#include "handlers/fake_parts.h"

#include "db/base/crypto.h"

#define PIXEL                                                                    \
	"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGD4DwABBA" \
	"EAwS2OUAAAAABJRU5ErkJggg=="
/* gzip of "hello\n" */
#define GZIPPED "H4sIAAAAAAACA8tIzcnJ5wIAIDA6NgYAAAA="

static void
add_text_file(struct fake *fake, struct strbuf *out)
{
	struct strbuf text;

	strbuf_init(&text, fake->scratch);
	fake_add_sentence(fake, &text);
	strbuf_puts(out, crypto_base64(fake->scratch, text.data, text.length));
}

static void
add_file(struct strbuf *out, const char *name, const char *suffix,
	 const char *type, const char *content)
{
	strbuf_literal(out, "[{\"name\":\"");
	fake_add_lower(out, name);
	strbuf_printf(out,
		      "%s\",\"type\":\"%s\",\"file\":\"data:%s;base64,%s\"}]",
		      suffix, type, type, content);
}

void
fake_make_image(struct fake *fake, const struct fake_column *column UNUSED,
		struct strbuf *out)
{
	add_file(out, fake_pick(fake, fake_things), ".png", "image/png", PIXEL);
}

void
fake_make_file(struct fake *fake, const struct fake_column *column UNUSED,
	       struct strbuf *out)
{
	const char *thing = fake_pick(fake, fake_things);

	/* few contents: each is stored once, whatever the number of rows */
	add_file(out, thing, ".txt", "text/plain",
		 crypto_base64(fake->scratch, thing, strlen(thing)));
}

void
fake_make_gzip(struct fake *fake UNUSED,
	       const struct fake_column *column UNUSED, struct strbuf *out)
{
	strbuf_literal(out, GZIPPED);
}

void
fake_make_bytes(struct fake *fake, const struct fake_column *column UNUSED,
		struct strbuf *out)
{
	add_text_file(fake, out);
}
