/*
 * markdown.c: what we use of cmark.
 */
#include "handlers/markdown.h"

#include <cmark.h>
#include <stdlib.h>

/* Raw HTML and dangerous links are left out unless CMARK_OPT_UNSAFE is given.
 */
void
markdown_to_html(struct strbuf *html, const char *text, size_t length)
{
	char *rendered = cmark_markdown_to_html(
		text, length, CMARK_OPT_SAFE | CMARK_OPT_VALIDATE_UTF8);

	strbuf_puts(html, rendered);
	free(rendered);
}
