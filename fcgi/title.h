/*
 * title.h: what ps shows of a process: "actd: quick worker [instance]".
 */
#ifndef ACTD_TITLE_H
#define ACTD_TITLE_H

#include "db/base/compiler.h"

/* Makes room for titles: once, before anything else looks at environ. */
void title_init(int argc, char **argv);

/* Sets the title of this process, "actd: " and the text. */
void title_set(const char *format, ...) PRINTF(1, 2);

#endif
