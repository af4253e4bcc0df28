/*
 * compiler.h: the few compiler attributes that prototypes of this project
 * carry. Nothing else.
 */
#ifndef ACTD_COMPILER_H
#define ACTD_COMPILER_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF(text, first) __attribute__((format(printf, text, first)))
#define UNUSED __attribute__((unused))
#define NORETURN __attribute__((noreturn))

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
