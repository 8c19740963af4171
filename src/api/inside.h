/* api/inside: what the files of this room share beside routes. Nobody else includes it. */
#ifndef PERI_API_INSIDE_H
#define PERI_API_INSIDE_H

#include "api/route.h"

#define PERI_API_BODY_BYTES_MAX (4 << 20)
#define PERI_API_HOOK_BYTES_MAX (1 << 20)

/* tokens.c: who asks? *scope and *who (in the call's arena); false: nobody we know, and *e says why. */
bool peri_api_who(peri_api_call *c, peri_err *e);
/* answer.c: as peri_api_fail, with a status and headers of one's own. */
void peri_api_refuse(peri_api_call *c, int status, const peri_header *headers, size_t count, const peri_err *e);


struct peri_api_line **peri_api_lines(peri_api *a); /* commands.c: the lines under way */

#endif
