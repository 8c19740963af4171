/* cmd/remapped: what `remap` and `rejects --replay` share: running it with a progress line, and telling what it did. */
#ifndef PERI_CMD_REMAPPED_H
#define PERI_CMD_REMAPPED_H

#include "cmd/flags.h"
#include "core/remap.h"

/* Runs one integration (options.progress is set here); its JSON is appended to *all as an element of a list that begins with [. */
peri_code peri_cli_remap(peri_cli *c, peri_session *s, peri_remap_options *options, peri_buf *all, peri_err *e);
/* Prints the list, or the one element of it. The exit code. */
int peri_cli_remapped(peri_cli *c, peri_buf *all, bool one, peri_code code, const peri_err *e);
/* After a Ctrl-C: what that means. The exit code. */
int peri_cli_remap_stopped(const peri_cli *c, peri_err *e);

#endif
