/*
 * functions.h: the functions that scripts find beside those of the language,
 * as Daptin has them: btoa, atob, uuid, ToString.
 */
#ifndef ACTD_EVALUATOR_FUNCTIONS_H
#define ACTD_EVALUATOR_FUNCTIONS_H

#include <JavaScriptCore/JavaScript.h>

/* Defines them in a new context. */
void functions_define(JSContextRef context);

#endif
