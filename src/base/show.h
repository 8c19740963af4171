/* base/show: other people's texts made fit for terminals, logs and pages: what can't be seen, or would move the cursor, change colours or turn the
 * writing direction, is spelled out. Nothing is left out in silence: a text that is cut ends in "…". */
#ifndef PERI_BASE_SHOW_H
#define PERI_BASE_SHOW_H

#include "base/buf.h"
#include "base/mem.h"

/* \n \r \t \x1b for controls, \u202e for marks that turn or hide, \xff for a byte that is no UTF-8. At most `most` bytes of text, cut at the edge of a
 * character; 0: all of it. */
void peri_show(peri_buf *out, peri_str text, size_t most);
peri_str peri_shown(peri_arena *a, peri_str text, size_t most);
/* Sound JSON stays JSON and means the same: the same characters, as \uXXXX. */
void peri_show_json(peri_buf *out, peri_str json);
/* The end of a cut at `most`, at the edge of a character. */
size_t peri_show_edge(peri_str text, size_t most);

#endif
