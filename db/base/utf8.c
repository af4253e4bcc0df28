/*
 * utf8.c: the grammar of RFC 3629 section 4.
 */
#include "db/base/utf8.h"

#include "db/base/compiler.h"

/* First bytes, the range of the second, and how many bytes follow. */
static const struct {
	unsigned char low, high;
	unsigned char second_low, second_high;
	size_t more;
} sequences[] = {
	{ 0x01, 0x7f, 0, 0, 0 },       { 0xc2, 0xdf, 0x80, 0xbf, 1 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 2 }, { 0xe1, 0xec, 0x80, 0xbf, 2 },
	{ 0xed, 0xed, 0x80, 0x9f, 2 }, { 0xee, 0xef, 0x80, 0xbf, 2 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 3 }, { 0xf1, 0xf3, 0x80, 0xbf, 3 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 3 },
};

/* Bytes of the sequence at `s`, 0 if it is none. */
static size_t
sequence_length(const unsigned char *s, size_t left)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(sequences) &&
	       (*s < sequences[i].low || *s > sequences[i].high))
		i++;
	if (i == ARRAY_SIZE(sequences) || left <= sequences[i].more)
		return 0;
	if (sequences[i].more &&
	    (s[1] < sequences[i].second_low || s[1] > sequences[i].second_high))
		return 0;
	for (size_t k = 2; k <= sequences[i].more; k++)
		if ((s[k] & 0xc0) != 0x80)
			return 0;
	return 1 + sequences[i].more;
}

bool
utf8_is_text(const char *text, size_t length)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t step;

	for (size_t i = 0; i < length; i += step) {
		step = sequence_length(s + i, length - i);
		if (!step)
			return false;
	}
	return true;
}

size_t
utf8_characters(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}
