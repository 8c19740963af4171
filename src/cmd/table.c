/* cmd/table: columns for people. */
#include <stdio.h>
#include <stdlib.h>

#include "base/show.h"
#include "cmd/cli.h"

struct peri_table {
  peri_arena *arena;
  size_t columns, rows, cap;
  peri_str *cells;
  size_t *widths;
};

/* Characters of a text as a terminal shows them: code points, wide East Asian ones and emoji counted double. */
static size_t shown(peri_str s) {
  size_t n = 0;
  for (size_t i = 0; i < s.n; i++) {
    unsigned char c = (unsigned char)s.p[i];
    if ((c & 0xc0) == 0x80) continue;
    n++;
    if (c >= 0xf0 || (c >= 0xe1 && c <= 0xed && !(c == 0xe1 && i + 1 < s.n && (unsigned char)s.p[i + 1] > 0x85) && !(c == 0xe2))) n++;
  }
  return n;
}

peri_table *peri_table_new(const char *const *titles, size_t columns) {
  peri_arena *a = peri_arena_new();
  peri_table *t = peri_arena_take(a, sizeof *t);
  t->arena = a;
  t->columns = columns;
  t->widths = peri_arena_take(a, columns * sizeof *t->widths);
  peri_str cells[32] = {{NULL, 0}};
  for (size_t i = 0; i < columns; i++) cells[i] = peri_str_of(titles[i]);
  peri_table_row(t, cells);
  return t;
}

void peri_table_row(peri_table *t, const peri_str *cells) {
  for (size_t i = 0; i < t->columns; i++) {
    t->cells = t->rows * t->columns + i < t->cap ? t->cells : peri_arena_grow(t->arena, t->cells, t->rows * t->columns + i, &t->cap, sizeof *t->cells);
    peri_str cell = peri_shown(t->arena, cells[i], 0);
    t->cells[t->rows * t->columns + i] = cell;
    size_t w = shown(cell);
    if (w > t->widths[i]) t->widths[i] = w;
  }
  t->rows++;
}

void peri_table_free(peri_table *t) { peri_arena_free(t->arena); }

void peri_table_print(peri_table *t) {
  for (size_t r = 0; r < t->rows; r++) {
    for (size_t i = 0; i < t->columns; i++) {
      peri_str cell = t->cells[r * t->columns + i];
      fwrite(cell.p, 1, cell.n, stdout);
      if (i + 1 < t->columns)
        for (size_t pad = t->widths[i] - shown(cell) + 2; pad; pad--) fputc(' ', stdout);
    }
    fputc('\n', stdout);
  }
  peri_arena_free(t->arena);
}
