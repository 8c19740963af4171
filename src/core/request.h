/* core/request: pieces of filling that several files of core share: URLs with holes, and entries of queries and forms. */
#ifndef PERI_CORE_REQUEST_H
#define PERI_CORE_REQUEST_H

#include "core/holes.h"

/* A URL or path with holes. whole: a setting at its start may be a whole URL (base, token endpoint); without it only settings of kind url may.
 * false and the scope's error if a hole is absent or may not stand there. */
bool peri_url_fill(peri_scope *s, const peri_node *n, bool whole, peri_buf *out);
bool peri_url_absolute(peri_str url);
/* "https://host:port" of a URL; the rest (path and query) in *rest. */
peri_str peri_url_origin(peri_str url, peri_str *rest);
/* base + path, with a base that may end in a query ("/?rest_route="). */
peri_str peri_url_join(peri_arena *a, peri_str base, peri_str path);

typedef struct peri_entry { peri_str key; const peri_json *value; } peri_entry;
typedef struct peri_entries { peri_entry *items; size_t count, cap; } peri_entries;
void peri_entries_set(peri_arena *a, peri_entries *e, peri_str key, const peri_json *value); /* replaces; NULL removes */
void peri_entries_add(peri_scope *s, peri_entries *e, const peri_node *table);               /* absent values are left out */
/* a=1&b=2; lists joined with `,` or repeated (key ending in []), tables nested as a[b]. named: nothing is encoded, for people. */
void peri_entries_put(peri_arena *a, const peri_entries *e, bool named, peri_buf *out);

/* What the pager adds: (`query.NAME`, `body.PATH`, `form.NAME`, `header.NAME`); false on the first page. */
bool peri_pager_send(peri_arena *a, const peri_request *r, const peri_page_state *page, peri_str *target, const peri_json **value);

#endif
