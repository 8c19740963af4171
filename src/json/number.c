/* json/number: exact numbers, kept as text. Takes JSON numbers and the decimal texts that APIs put in strings ("+7", "007",
 * ".5"); refuses separators, white space, hexadecimal, and whatever would need more than 400 digits when written out. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "json/json.h"

#define DIGITS_MAX 400
#define EXPONENT_MAX 1000000000 /* larger ones are all the same to us: zero stays zero, the rest is refused */

/* Significant digits without zeros at either end; the value is 0.DIGITS * 10^point. Zero has none. */
typedef struct decimal {
  bool negative;
  const char *p, *dot; /* digits start at p; one dot may stand among them (dot, or NULL) */
  size_t n;            /* digits, the dot not counted */
  int64_t point;
} decimal;

static char digit_at(const decimal *d, size_t i) {
  const char *c = d->p + i;
  return d->dot && c >= d->dot ? c[1] : *c;
}

static bool decimal_read(peri_str s, decimal *d) {
  size_t i = 0, whole = 0, fraction = 0;
  *d = (decimal){0};
  if (s.n && (s.p[0] == '-' || s.p[0] == '+')) d->negative = s.p[i++] == '-';
  d->p = s.n ? s.p + i : "";
  for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++) whole++;
  if (i < s.n && s.p[i] == '.') {
    d->dot = s.p + i++;
    for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++) fraction++;
  }
  if (whole + fraction == 0) return false;
  int64_t exponent = 0;
  if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
    bool down = false;
    if (++i < s.n && (s.p[i] == '-' || s.p[i] == '+')) down = s.p[i++] == '-';
    size_t first = i;
    for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
      if (exponent < EXPONENT_MAX) exponent = exponent * 10 + (s.p[i] - '0');
    if (i == first) return false;
    if (down) exponent = -exponent;
  }
  if (i != s.n) return false;
  if (d->dot == d->p) { /* ".5" */
    d->p++;
    d->dot = NULL;
  }
  d->n = whole + fraction;
  d->point = (int64_t)whole + exponent;
  while (d->n && digit_at(d, 0) == '0') {
    d->p++;
    if (d->dot && d->p == d->dot) {
      d->p++;
      d->dot = NULL;
    }
    d->n--;
    d->point--;
  }
  while (d->n && digit_at(d, d->n - 1) == '0') d->n--;
  if (!d->n) *d = (decimal){.p = ""};
  return true;
}

static bool is_whole(const decimal *d) { return d->n == 0 || d->point >= (int64_t)d->n; }

bool peri_number_is_integer(peri_str number) {
  decimal d;
  return decimal_read(number, &d) && is_whole(&d);
}

bool peri_number_integer(peri_str number, char out[48]) {
  decimal d;
  if (!decimal_read(number, &d) || !is_whole(&d) || d.point > 40) return false;
  char *o = out;
  if (!d.n) *o++ = '0';
  else if (d.negative) *o++ = '-';
  for (int64_t i = 0; d.n && i < d.point; i++) *o++ = i < (int64_t)d.n ? digit_at(&d, (size_t)i) : '0';
  *o = 0;
  return true;
}

bool peri_number_u64(peri_str number, uint64_t *out) {
  char text[48];
  if (!peri_number_integer(number, text) || text[0] == '-') return false;
  uint64_t v = 0;
  for (const char *c = text; *c; c++)
    if (__builtin_mul_overflow(v, (uint64_t)10, &v) || __builtin_add_overflow(v, (uint64_t)(*c - '0'), &v)) return false;
  *out = v;
  return true;
}

bool peri_number_i64(peri_str number, int64_t *out) {
  char text[48];
  if (!peri_number_integer(number, text)) return false;
  bool negative = text[0] == '-';
  int64_t v = 0;
  for (const char *c = text + negative; *c; c++)
    if (__builtin_mul_overflow(v, (int64_t)10, &v) || __builtin_sub_overflow(v, (int64_t)(*c - '0'), &v)) return false;
  if (!negative && v == INT64_MIN) return false;
  *out = negative ? v : -v; /* counted downwards: there is one more below zero than above */
  return true;
}

bool peri_number_double(peri_str number, double *out) {
  static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  decimal d;
  if (!decimal_read(number, &d)) return false;
  int64_t scale = d.point - (int64_t)d.n; /* DIGITS * 10^scale */
  if (d.n <= 15 && scale >= -22 && scale <= 22) { /* both are exact, so one operation rounds once */
    int64_t v = 0;
    for (size_t i = 0; i < d.n; i++) v = v * 10 + (digit_at(&d, i) - '0');
    double r = scale < 0 ? (double)v / tens[-scale] : (double)v * tens[scale];
    *out = d.negative ? -r : r;
    return true;
  }
  char small[512], *text = number.n < sizeof small ? small : peri_alloc(number.n + 1);
  memcpy(text, number.p, number.n);
  text[number.n] = 0;
  double r = strtod(text, NULL); /* nobody calls setlocale, so the point is a point */
  if (text != small) free(text);
  if (r > 1.7976931348623157e308 || r < -1.7976931348623157e308) return false;
  *out = r;
  return true;
}

bool peri_decimal_canonical(peri_str number, peri_buf *out) {
  decimal d;
  if (!decimal_read(number, &d)) return false;
  if (!d.n) {
    peri_buf_char(out, '0');
    return true;
  }
  int64_t whole = d.point > 0 ? d.point : 1;
  int64_t fraction = (int64_t)d.n > d.point ? (int64_t)d.n - d.point : 0;
  if (whole > DIGITS_MAX || fraction > DIGITS_MAX || whole + fraction > DIGITS_MAX) return false;
  char text[DIGITS_MAX + 4], *o = text;
  if (d.negative) *o++ = '-';
  if (d.point <= 0) *o++ = '0';
  for (int64_t i = 0; i < d.point; i++) *o++ = i < (int64_t)d.n ? digit_at(&d, (size_t)i) : '0';
  if (fraction) {
    *o++ = '.';
    for (int64_t i = d.point; i < (int64_t)d.n; i++) *o++ = i < 0 ? '0' : digit_at(&d, (size_t)i);
  }
  peri_buf_put(out, text, (size_t)(o - text));
  return true;
}

static peri_str without_sign(peri_str s, bool *negative) {
  *negative = s.n && s.p[0] == '-';
  return *negative ? peri_str_from(s, 1) : s;
}

bool peri_decimal_round(peri_str canonical, int scale, peri_buf *out) {
  bool negative;
  peri_str whole, fraction = peri_str_cut(without_sign(canonical, &negative), '.', &whole);
  size_t keep = scale < 0 ? 0 : (size_t)scale;
  if (scale < 0 || !whole.n || whole.n > DIGITS_MAX || fraction.n > DIGITS_MAX || keep > DIGITS_MAX) return false;
  char digits[2 * DIGITS_MAX + 2] = "0"; /* room for a carry */
  memcpy(digits + 1, whole.p, whole.n);
  size_t n = 1 + whole.n;
  for (size_t i = 0; i < keep; i++) digits[n++] = i < fraction.n ? fraction.p[i] : '0';
  if (fraction.n > keep) {
    char next = fraction.p[keep];
    bool more = false;
    for (size_t i = keep + 1; i < fraction.n; i++) more = more || fraction.p[i] != '0';
    bool odd = (digits[n - 1] - '0') & 1;
    if (next > '5' || (next == '5' && (more || odd))) {
      size_t i = n - 1;
      while (digits[i] == '9') digits[i--] = '0';
      digits[i]++;
    }
  }
  size_t from = digits[0] == '0' ? 1 : 0;
  bool zero = true;
  for (size_t i = from; i < n; i++) zero = zero && digits[i] == '0';
  if (negative && !zero) peri_buf_char(out, '-');
  peri_buf_put(out, digits + from, n - keep - from);
  if (keep) {
    peri_buf_char(out, '.');
    peri_buf_put(out, digits + n - keep, keep);
  }
  return true;
}

static int compare_sizes(peri_str a, peri_str b) {
  peri_str aw, bw, af = peri_str_cut(a, '.', &aw), bf = peri_str_cut(b, '.', &bw);
  if (aw.n != bw.n) return aw.n < bw.n ? -1 : 1;
  int c = peri_str_cmp(aw, bw);
  return c ? c : peri_str_cmp(af, bf); /* no zeros at the end: the longer of two equal beginnings is larger */
}

int peri_decimal_compare(peri_str a, peri_str b) {
  bool an, bn;
  peri_str as = without_sign(a, &an), bs = without_sign(b, &bn);
  if (an != bn) return an ? -1 : 1;
  return an ? compare_sizes(bs, as) : compare_sizes(as, bs);
}

void peri_double_put(peri_buf *out, double value) {
  if (value != value || value > 1.7976931348623157e308 || value < -1.7976931348623157e308) {
    peri_buf_put(out, "null", 4); /* JSON has no word for it */
    return;
  }
  if (value >= -9007199254740992.0 && value <= 9007199254740992.0 && value == (double)(int64_t)value) {
    peri_buf_fmt(out, "%lld", (long long)value);
    return;
  }
  char text[40];
  int from = value > -1e-300 && value < 1e-300 ? 1 : 15; /* subnormal numbers have fewer digits */
  for (int precision = from; precision <= 17; precision++) {
    snprintf(text, sizeof text, "%.*g", precision, value);
    if (strtod(text, NULL) == value) break;
  }
  peri_buf_c_str(out, text);
}
