/*
 * markdown.h: the HTML of a Markdown text.
 */
#ifndef ACTD_MARKDOWN_H
#define ACTD_MARKDOWN_H

#include "db/base/strbuf.h"

/*
 * Longest text that is rendered, in bytes: what the library does with texts
 * that were made to cost grows with the square of their length.
 */
#define MARKDOWN_MAX ((size_t)1 << 17)

/*
 * Appends CommonMark `text` as HTML, a piece without head and body. Neither
 * HTML within the text nor links that could run (javascript:, data: …) come
 * through.
 */
void markdown_to_html(struct strbuf *html, const char *text, size_t length);

#endif
