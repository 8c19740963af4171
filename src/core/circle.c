/* core/circle: a server that leads in circles. The pager compares a place with the one before it; here it is compared with all, so that a circle of any
 * length ends. A server may also name ever new places and answer the same records at each. Keeps a hash a page, nothing of the records themselves. */
#include "core/feed.h"

static uint64_t hash_of(peri_str text) { /* FNV-1a: nothing rests on it but the name of an error */
  uint64_t h = UINT64_C(14695981039346656037);
  for (size_t i = 0; i < text.n; i++) h = (h ^ (unsigned char)text.p[i]) * UINT64_C(1099511628211);
  return h;
}

static bool seen_before(peri_feed *f, peri_map *in, uint64_t hash) {
  peri_str key = peri_arena_str(f->arena, (peri_str){(const char *)&hash, sizeof hash});
  return !peri_map_put(in, key, f);
}

bool peri_feed_goes_round(peri_feed *f, const peri_page *p, peri_err *e) {
  if (f->request->pages != PERI_PAGES_CURSOR && f->request->pages != PERI_PAGES_LINK && f->request->pages != PERI_PAGES_COUNT) return false;
  peri_str place = f->request->pages == PERI_PAGES_LINK ? f->state.link : f->state.token;
  if (!f->last && place.n && seen_before(f, &f->places, hash_of(place))) {
    peri_fail(e, PERI_PAGING_LOOP, "%.*s: page %lld names a next page that was read before: %.*s; stopped (a paging loop)", PERI_S(f->request->label), (long long)f->state.pages,
              (int)(place.n < 200 ? place.n : 200), place.p);
    return true;
  }
  if (!p->count) return false;
  uint64_t sum = p->count; /* whatever their order */
  for (size_t i = 0; i < p->count; i++) sum += hash_of(p->records[i].key);
  f->copied_pages = seen_before(f, &f->pages, sum) ? f->copied_pages + 1 : 0;
  if (f->copied_pages <= PERI_EMPTY_PAGES_MAX) return false;
  peri_fail(e, PERI_PAGING_LOOP, "%.*s: %d pages in a row held only records that earlier pages held; stopped (a paging loop)", PERI_S(f->request->label), f->copied_pages);
  return true;
}
