/* plan/kinds_number: integer, number, decimal, money, boolean. Digits stay digits: only `number` ever becomes a double, and only
 * where it is no whole number. Refuses grouping by commas or dots: nobody can tell 1,234 from 1.234. */
#include "plan/inside.h"

static bool as_number(plan_val *out, peri_str digits) {
  *out = (plan_val){.type = PT_NUMBER, .text = digits};
  return true;
}

/* Length of the (no-break) space at p that groups digits: blank, U+00A0, U+202F; 0 if it is none. */
static size_t group_space(const char *p, size_t n) {
  if (n && *p == ' ') return 1;
  if (n >= 2 && p[0] == '\xC2' && p[1] == '\xA0') return 2;
  if (n >= 3 && p[0] == '\xE2' && p[1] == '\x80' && p[2] == '\xAF') return 3;
  return 0;
}

static bool strict(peri_str s) {
  size_t i = s.n && s.p[0] == '-';
  size_t whole = i;
  while (i < s.n && plan_digit(s.p[i])) i++;
  if (i == whole || (s.p[whole] == '0' && i - whole > 1)) return false;
  if (i < s.n && s.p[i] == '.') {
    size_t fraction = ++i;
    while (i < s.n && plan_digit(s.p[i])) i++;
    if (i == fraction) return false;
  }
  return i == s.n;
}

/* Digits of the whole part, groups joined. false: groups are not of three. */
static bool whole_digits(peri_str *s, char *out, size_t *n) {
  size_t i = 0, run = 0;
  bool grouped = false;
  while (i < s->n) {
    if (plan_digit(s->p[i])) {
      out[(*n)++] = s->p[i++];
      run++;
      continue;
    }
    size_t space = group_space(s->p + i, s->n - i);
    if (!space || i + space >= s->n || !plan_digit(s->p[i + space])) break;
    if (run == 0 || run > 3 || (grouped && run != 3)) return false;
    grouped = true;
    run = 0;
    i += space;
  }
  *s = peri_str_from(*s, i);
  return !grouped || run == 3;
}

bool plan_number_tidy(plan_run *r, peri_str text, peri_str *number) {
  text = peri_str_trim(text);
  *number = text;
  if (strict(text)) return true;
  if (text.n > 400) return false;
  char *own = peri_arena_bytes(r->arena, text.n + 4);
  size_t n = 0, start, fraction = 0;
  if (text.n && (text.p[0] == '+' || text.p[0] == '-')) {
    if (text.p[0] == '-') own[n++] = '-';
    text = peri_str_from(text, 1);
  }
  start = n;
  if (!whole_digits(&text, own, &n)) return false;
  size_t whole = n - start, zeros = 0;
  while (zeros + 1 < whole && own[start + zeros] == '0') zeros++;
  memmove(own + start, own + start + zeros, whole - zeros);
  n -= zeros;
  if (!whole) own[n++] = '0';
  if (text.n && text.p[0] == '.') {
    text = peri_str_from(text, 1);
    while (fraction < text.n && plan_digit(text.p[fraction])) fraction++;
    if (fraction) {
      own[n++] = '.';
      memcpy(own + n, text.p, fraction);
      n += fraction;
    }
    text = peri_str_from(text, fraction);
  }
  if (!whole && !fraction) return false;
  if (text.n && (text.p[0] | 32) == 'e') {
    size_t i = 1;
    if (i < text.n && (text.p[i] == '+' || text.p[i] == '-')) i++;
    size_t digits = i;
    while (i < text.n && plan_digit(text.p[i])) i++;
    if (i == digits || i - digits > 4) return false;
    memcpy(own + n, text.p, i);
    n += i;
    text = peri_str_from(text, i);
  }
  *number = (peri_str){own, n};
  return text.n == 0;
}

static bool read_number(plan_run *r, plan_in *in, peri_str *number) {
  if (in->type == PERI_J_NUMBER) {
    *number = in->text;
    return true;
  }
  return in->type == PERI_J_STRING && plan_number_tidy(r, plan_in_text(r, in), number);
}

/* Digits as they should be (JSON allows no leading zeros): most integers. */
static bool plain_digits(peri_str s) {
  size_t i = s.n && s.p[0] == '-';
  if (s.n > 40 || (i && s.n == 2 && s.p[1] == '0')) return false;
  while (i < s.n && plan_digit(s.p[i])) i++;
  return i == s.n;
}

bool plan_integer(plan_run *r, const plan_field *f, plan_in *in, plan_val *out) {
  peri_str number;
  char digits[48];
  if (!read_number(r, in, &number)) return plan_wrong(r, f, in, "a whole number");
  if (plain_digits(number)) return as_number(out, number);
  if (!peri_number_integer(number, digits))
    return plan_wrong(r, f, in, peri_number_is_integer(number) ? "a whole number of at most 40 digits" : "a whole number");
  peri_str whole = peri_str_of(digits);
  return as_number(out, peri_str_eq(whole, number) ? number : peri_arena_str(r->arena, whole));
}

/* No exponent, no zeros to drop, at most 15 digits: no double is nearer to another text of that length. */
static bool short_decimal(peri_str s) {
  size_t digits = 0;
  bool dot = false;
  for (size_t i = 0; i < s.n; i++) {
    if (plan_digit(s.p[i]))
      digits++;
    else if (s.p[i] == '.')
      dot = true;
    else if (s.p[i] != '-' || i)
      return false;
  }
  return digits <= 15 && !(dot && s.p[s.n - 1] == '0') && !(s.n == 2 && s.p[0] == '-' && s.p[1] == '0');
}

bool plan_number(plan_run *r, const plan_field *f, plan_in *in, plan_val *out) {
  peri_str number;
  char digits[48];
  double d;
  if (!read_number(r, in, &number)) return plan_wrong(r, f, in, "a number");
  if (short_decimal(number)) return as_number(out, number);
  if (peri_number_integer(number, digits)) return as_number(out, peri_arena_str(r->arena, peri_str_of(digits)));
  if (!peri_number_double(number, &d)) return plan_wrong(r, f, in, "a number that fits a double; decimal keeps more");
  peri_buf_clear(&r->scratch->text);
  peri_double_put(&r->scratch->text, d);
  return as_number(out, peri_arena_str(r->arena, peri_buf_view(&r->scratch->text)));
}

/* Without an exponent only zeros at the end are to be dropped. false: it needs the long way. */
static bool drop_zeros(peri_str *s) {
  if (s->n > 400 || memchr(s->p, 'e', s->n) || memchr(s->p, 'E', s->n)) return false;
  if (memchr(s->p, '.', s->n)) {
    while (s->p[s->n - 1] == '0') s->n--;
    if (s->p[s->n - 1] == '.') s->n--;
  }
  return !(s->n == 2 && s->p[0] == '-' && s->p[1] == '0');
}

static bool canonical(plan_run *r, peri_str number, int scale, peri_str *out) {
  *out = number;
  peri_buf *b = &r->scratch->text;
  if (!drop_zeros(out)) {
    peri_buf_clear(b);
    if (!peri_decimal_canonical(number, b)) return false;
    *out = peri_arena_str(r->arena, peri_buf_view(b));
  }
  if (scale < 0) return true;
  peri_buf_clear(b);
  if (!peri_decimal_round(*out, scale, b)) return false;
  *out = peri_arena_str(r->arena, peri_buf_view(b));
  return true;
}

bool plan_decimal(plan_run *r, const plan_field *f, plan_in *in, plan_val *out) {
  peri_str number, exact;
  if (!read_number(r, in, &number)) return plan_wrong(r, f, in, "a decimal number");
  if (!canonical(r, number, f->scale, &exact)) return plan_wrong(r, f, in, "a decimal number of at most 400 digits");
  return as_number(out, exact);
}

/* ---- money ---- */

static int currency_places(peri_str code) { /* ISO 4217; all others have two */
  static const char none[] = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF", three[] = "BHD IQD JOD KWD LYD OMR TND",
                    four[] = "CLF UYW";
  char c[4] = {0};
  memcpy(c, code.p, 3);
  return strstr(none, c) ? 0 : strstr(three, c) ? 3 : strstr(four, c) ? 4 : 2;
}

bool plan_currency(plan_run *r, const plan_field *f, plan_val *out) {
  *out = (plan_val){.type = PT_NULL};
  for (size_t i = 0; i < f->currency_count; i++) {
    plan_in in;
    plan_source_read(r, f->currency[i], &in);
    if (in.type == PERI_J_NONE || in.type == PERI_J_NULL) continue;
    peri_str text = in.type == PERI_J_STRING ? peri_str_trim(plan_in_text(r, &in)) : PERI_STR("?");
    if (!text.n) continue;
    char *own = peri_arena_bytes(r->arena, 3);
    bool sound = text.n == 3;
    for (size_t k = 0; sound && k < 3; k++) {
      own[k] = (char)(text.p[k] & ~32);
      sound = own[k] >= 'A' && own[k] <= 'Z';
    }
    if (!sound) return plan_wrong(r, f, &in, "a currency's code of three letters such as EUR");
    *out = (plan_val){.type = PT_TEXT, .text = {own, 3}, .plain = true};
    return true;
  }
  return true;
}

bool plan_money(plan_run *r, const plan_field *f, plan_in *in, plan_val *out) {
  static const char wanted[] = "an amount such as 12.50";
  peri_str number, exact;
  if (!read_number(r, in, &number)) return plan_wrong(r, f, in, wanted);
  if (f->minor && !in->made) {
    plan_val currency;
    if (!plan_currency(r, f, &currency)) return false;
    if (f->currency_count && currency.type == PT_NULL)
      return plan_wrong(r, f, in, "a currency beside it: what its smallest unit is worth depends on it");
    int places = currency.type == PT_TEXT ? currency_places(currency.text) : 2;
    if (!canonical(r, number, -1, &exact)) return plan_wrong(r, f, in, wanted);
    number = peri_arena_fmt(r->arena, "%.*se-%d", PERI_S(exact), places);
  }
  if (!canonical(r, number, f->scale, &exact)) return plan_wrong(r, f, in, wanted);
  return as_number(out, exact);
}

/* ---- boolean ---- */

bool plan_boolean(plan_run *r, const plan_field *f, plan_in *in, plan_val *out) {
  static const char *const words[] = {"true", "false", "yes", "no", "1", "0", "y", "n", "t", "f", "on", "off"};
  *out = (plan_val){.type = PT_BOOL, .b = in->type == PERI_J_TRUE};
  if (in->type == PERI_J_TRUE || in->type == PERI_J_FALSE) return true;
  if (in->type == PERI_J_STRING || in->type == PERI_J_NUMBER) {
    if (in->text.n == 5 && memcmp(in->text.p, "false", 5) == 0) return true;
    peri_str text = peri_str_trim(plan_in_text(r, in));
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
      if (peri_str_eq_nocase(text, peri_str_of(words[i]))) {
        out->b = i % 2 == 0;
        return true;
      }
  }
  return plan_wrong(r, f, in, "a boolean: true or false, yes or no, 1 or 0");
}
