/*
 * functions.c: btoa, atob, uuid and ToString. Text stands for its UTF-8
 * bytes, as in Go, and bytes may also be a list of numbers; so
 * atob(btoa(text)) is the text, whatever its characters are.
 */
#include "handlers/evaluator/functions.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "db/base/compiler.h"
#include "db/base/utf8.h"

/* The most bytes that a function takes. */
#define BYTES_MAX (4U << 20)

struct bytes {
	unsigned char *data; /* the caller frees it */
	size_t size;
};

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "abcdefghijklmnopqrstuvwxyz0123456789+/";

/* The process has no use without memory; its worker replaces it. */
static void *
allocate(size_t size)
{
	void *memory = malloc(size);

	if (!memory)
		_Exit(EXIT_FAILURE);
	return memory;
}

static JSValueRef
new_text(JSContextRef context, const char *text)
{
	JSStringRef string = JSStringCreateWithUTF8CString(text);
	JSValueRef value = JSValueMakeString(context, string);

	JSStringRelease(string);
	return value;
}

static void
throw_text(JSContextRef context, const char *text, JSValueRef *exception)
{
	JSValueRef message = new_text(context, text);

	*exception = JSObjectMakeError(context, 1, &message, NULL);
}

/* UTF-8 becomes text; of other bytes each becomes the character U+00xx. */
static JSValueRef
text_of(JSContextRef context, const struct bytes *bytes)
{
	JSStringRef string;
	JSValueRef value;

	if (utf8_is_text((const char *)bytes->data, bytes->size))
		return new_text(context, (const char *)bytes->data);
	JSChar *characters = allocate(bytes->size * sizeof *characters);

	for (size_t i = 0; i < bytes->size; i++)
		characters[i] = bytes->data[i];
	string = JSStringCreateWithCharacters(characters, bytes->size);
	free(characters);
	value = JSValueMakeString(context, string);
	JSStringRelease(string);
	return value;
}

static bool
bytes_of_text(JSContextRef context, JSValueRef value, struct bytes *bytes,
	      JSValueRef *exception)
{
	JSStringRef string = JSValueToStringCopy(context, value, exception);

	if (!string)
		return false;
	if (JSStringGetLength(string) > BYTES_MAX) {
		JSStringRelease(string);
		throw_text(context, "the text is too long", exception);
		return false;
	}
	size_t room = JSStringGetMaximumUTF8CStringSize(string);

	bytes->data = allocate(room);
	bytes->size = JSStringGetUTF8CString(string, (char *)bytes->data, room);
	bytes->size -= bytes->size > 0; /* the NUL at its end */
	JSStringRelease(string);
	return true;
}

static bool
is_list(JSContextRef context, JSValueRef value)
{
	return JSValueIsArray(context, value) ||
	       JSValueGetTypedArrayType(context, value, NULL) ==
		       kJSTypedArrayTypeUint8Array;
}

static bool
bytes_of_list(JSContextRef context, JSObjectRef list, struct bytes *bytes,
	      JSValueRef *exception)
{
	JSStringRef name = JSStringCreateWithUTF8CString("length");
	JSValueRef length = JSObjectGetProperty(context, list, name, exception);
	double size = length ? JSValueToNumber(context, length, NULL) : 0;

	JSStringRelease(name);
	if (!(size >= 0 && size <= BYTES_MAX)) {
		throw_text(context, "the list is too long", exception);
		return false;
	}
	bytes->size = (size_t)size;
	bytes->data = allocate(bytes->size + 1);
	for (size_t i = 0; i < bytes->size; i++) {
		JSValueRef item = JSObjectGetPropertyAtIndex(
			context, list, (unsigned)i, exception);
		double number =
			*exception ? 0
				   : JSValueToNumber(context, item, exception);

		if (!*exception && !(number >= 0 && number < 256))
			throw_text(context, "a byte is 0 to 255", exception);
		if (*exception) {
			free(bytes->data);
			return false;
		}
		bytes->data[i] = (unsigned char)number;
	}
	bytes->data[bytes->size] = '\0';
	return true;
}

/* The bytes of the first argument; false with an exception. */
static bool
bytes_of(JSContextRef context, size_t count, const JSValueRef arguments[],
	 struct bytes *bytes, JSValueRef *exception)
{
	if (!count) {
		throw_text(context, "an argument is missing", exception);
		return false;
	}
	if (is_list(context, arguments[0]))
		return bytes_of_list(context, (JSObjectRef)arguments[0], bytes,
				     exception);
	return bytes_of_text(context, arguments[0], bytes, exception);
}

static JSValueRef
call_btoa(JSContextRef context, JSObjectRef function UNUSED,
	  JSObjectRef this UNUSED, size_t count, const JSValueRef arguments[],
	  JSValueRef *exception)
{
	struct bytes bytes;
	JSValueRef value;

	if (!bytes_of(context, count, arguments, &bytes, exception))
		return NULL;
	char *text = allocate((bytes.size + 2) / 3 * 4 + 1);
	char *end = text;

	for (size_t i = 0; i < bytes.size; i += 3) {
		size_t left = bytes.size - i;
		uint32_t group = (uint32_t)bytes.data[i] << 16;

		group |= left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0;
		group |= left > 2 ? bytes.data[i + 2] : 0;
		*end++ = DIGITS[group >> 18];
		*end++ = DIGITS[group >> 12 & 63];
		*end++ = left > 1 ? DIGITS[group >> 6 & 63] : '=';
		*end++ = left > 2 ? DIGITS[group & 63] : '=';
	}
	*end = '\0';
	value = new_text(context, text);
	free(text);
	free(bytes.data);
	return value;
}

/* In place: what comes out is shorter. Blanks are passed over. */
static bool
decode(struct bytes *bytes)
{
	size_t size = 0;
	uint32_t group = 0;
	unsigned bits = 0;
	size_t digits = 0;
	size_t i = 0;

	for (; i < bytes->size && bytes->data[i] != '='; i++) {
		const char *digit;

		if (bytes->data[i] && strchr(" \t\r\n", bytes->data[i]))
			continue;
		digit = bytes->data[i] ? strchr(DIGITS, bytes->data[i]) : NULL;
		if (!digit)
			return false;
		group = group << 6 | (uint32_t)(digit - DIGITS);
		digits++;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			bytes->data[size++] = (unsigned char)(group >> bits);
		}
	}
	while (i < bytes->size && bytes->data[i] &&
	       strchr("= \t\r\n", bytes->data[i]))
		i++;
	if (i < bytes->size || digits % 4 == 1)
		return false;
	bytes->size = size;
	bytes->data[size] = '\0';
	return true;
}

static JSValueRef
call_atob(JSContextRef context, JSObjectRef function UNUSED,
	  JSObjectRef this UNUSED, size_t count, const JSValueRef arguments[],
	  JSValueRef *exception)
{
	struct bytes bytes;
	JSValueRef value = NULL;

	if (!bytes_of(context, count, arguments, &bytes, exception))
		return NULL;
	if (decode(&bytes))
		value = text_of(context, &bytes);
	else
		throw_text(context, "atob: this is no base64", exception);
	free(bytes.data);
	return value;
}

static JSValueRef
call_uuid(JSContextRef context, JSObjectRef function UNUSED,
	  JSObjectRef this UNUSED, size_t count UNUSED,
	  const JSValueRef arguments[] UNUSED, JSValueRef *exception)
{
	unsigned char random[16];
	char text[37];
	char *end = text;

	if (getrandom(random, sizeof random, 0) != sizeof random) {
		throw_text(context, "there is no randomness", exception);
		return NULL;
	}
	random[6] = (random[6] & 0x0f) | 0x40;
	random[8] = (random[8] & 0x3f) | 0x80;
	for (size_t i = 0; i < sizeof random; i++)
		end += sprintf(end,
			       i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x"
								     : "%02x",
			       random[i]);
	return new_text(context, text);
}

/* Objects as JSON, bytes as text, nothing as "". */
static JSValueRef
call_to_string(JSContextRef context, JSObjectRef function UNUSED,
	       JSObjectRef this UNUSED, size_t count,
	       const JSValueRef arguments[], JSValueRef *exception)
{
	JSStringRef string;
	struct bytes bytes;
	JSValueRef value;

	if (!count || JSValueIsUndefined(context, arguments[0]) ||
	    JSValueIsNull(context, arguments[0]))
		return new_text(context, "");
	if (JSValueGetTypedArrayType(context, arguments[0], NULL) ==
	    kJSTypedArrayTypeUint8Array) {
		if (!bytes_of(context, count, arguments, &bytes, exception))
			return NULL;
		value = text_of(context, &bytes);
		free(bytes.data);
		return value;
	}
	if (JSValueIsObject(context, arguments[0]))
		string = JSValueCreateJSONString(context, arguments[0], 0,
						 exception);
	else
		string = JSValueToStringCopy(context, arguments[0], exception);
	if (*exception)
		return NULL;
	if (!string)
		return new_text(context, "");
	value = JSValueMakeString(context, string);
	JSStringRelease(string);
	return value;
}

void
functions_define(JSContextRef context)
{
	static const struct {
		const char *name;
		JSObjectCallAsFunctionCallback call;
	} functions[] = {
		{ "btoa", call_btoa },
		{ "atob", call_atob },
		{ "uuid", call_uuid },
		{ "ToString", call_to_string },
	};
	JSObjectRef global = JSContextGetGlobalObject(context);

	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		JSStringRef name =
			JSStringCreateWithUTF8CString(functions[i].name);

		JSObjectSetProperty(context, global, name,
				    JSObjectMakeFunctionWithCallback(
					    context, name, functions[i].call),
				    kJSPropertyAttributeDontEnum, NULL);
		JSStringRelease(name);
	}
}
