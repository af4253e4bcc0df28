/*
 * media_type.c: the table of types. What may hold scripts is saved, never
 * shown, and so is what is not listed.
 */
#include "handlers/media_type.h"

#include <string.h>
#include <strings.h>

#include "db/base/compiler.h"

static const struct media_type types[] = {
	{ "png", "image/png", true },
	{ "jpg", "image/jpeg", true },
	{ "jpeg", "image/jpeg", true },
	{ "gif", "image/gif", true },
	{ "webp", "image/webp", true },
	{ "avif", "image/avif", true },
	{ "bmp", "image/bmp", true },
	{ "ico", "image/x-icon", true },
	{ "tif", "image/tiff", true },
	{ "tiff", "image/tiff", true },
	{ "mp4", "video/mp4", true },
	{ "webm", "video/webm", true },
	{ "ogv", "video/ogg", true },
	{ "mov", "video/quicktime", true },
	{ "mp3", "audio/mpeg", true },
	{ "m4a", "audio/mp4", true },
	{ "ogg", "audio/ogg", true },
	{ "oga", "audio/ogg", true },
	{ "opus", "audio/ogg", true },
	{ "flac", "audio/flac", true },
	{ "wav", "audio/wav", true },
	{ "txt", "text/plain; charset=utf-8", true },
	{ "md", "text/markdown; charset=utf-8", false },
	{ "csv", "text/csv; charset=utf-8", false },
	{ "json", "application/json", false },
	{ "yaml", "application/yaml", false },
	{ "yml", "application/yaml", false },
	{ "pdf", "application/pdf", false },
	{ "svg", "image/svg+xml", false },
	{ "html", "text/html; charset=utf-8", false },
	{ "htm", "text/html; charset=utf-8", false },
	{ "xhtml", "application/xhtml+xml", false },
	{ "xml", "application/xml", false },
	{ "css", "text/css; charset=utf-8", false },
	{ "zip", "application/zip", false },
	{ "gz", "application/gzip", false },
	{ "tar", "application/x-tar", false },
	{ "rtf", "application/rtf", false },
	{ "doc", "application/msword", false },
	{ "xls", "application/vnd.ms-excel", false },
	{ "ppt", "application/vnd.ms-powerpoint", false },
	{ "docx",
	  "application/"
	  "vnd.openxmlformats-officedocument.wordprocessingml.document",
	  false },
	{ "xlsx",
	  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	  false },
	{ "pptx",
	  "application/"
	  "vnd.openxmlformats-officedocument.presentationml.presentation",
	  false },
	{ "odt", "application/vnd.oasis.opendocument.text", false },
	{ "ods", "application/vnd.oasis.opendocument.spreadsheet", false },
	{ "odp", "application/vnd.oasis.opendocument.presentation", false },
	{ "epub", "application/epub+zip", false },
	{ "ics", "text/calendar; charset=utf-8", false },
	{ "vcf", "text/vcard; charset=utf-8", false },
};

static const struct media_type other = { "", "application/octet-stream",
					 false };

const struct media_type *
media_type_of(const char *file_name)
{
	const char *dot = strrchr(file_name, '.');

	for (size_t i = 0; dot && i < ARRAY_SIZE(types); i++)
		if (!strcasecmp(types[i].extension, dot + 1))
			return &types[i];
	return &other;
}
