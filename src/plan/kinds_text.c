/* plan/kinds_text: text, email, url, phone, choice, id, uuid: tidy first, then check. Each refuses what is not of its kind with
 * code `type` and says what was wanted; none guesses. */
#include "base/uuid.h"
#include "plan/inside.h"

/* ---- letters ---- */

/* Simple case of the alphabets whose upper and lower letters differ by a fixed distance: Latin, Greek, Cyrillic. Others stay. */
static unsigned other_case(unsigned c, bool up) {
  if (c < 128) return up ? (c >= 'a' && c <= 'z' ? c - 32 : c) : (c >= 'A' && c <= 'Z' ? c + 32 : c);
  if (up) {
    if ((c >= 0xE0 && c <= 0xFE && c != 0xF7) || (c >= 0x3B1 && c <= 0x3C9 && c != 0x3C2) || (c >= 0x430 && c <= 0x44F)) return c - 32;
    if (c == 0xFF) return 0x178;
    if (c >= 0x450 && c <= 0x45F) return c - 80;
  } else {
    if ((c >= 0xC0 && c <= 0xDE && c != 0xD7) || (c >= 0x391 && c <= 0x3A9 && c != 0x3A2) || (c >= 0x410 && c <= 0x42F)) return c + 32;
    if (c == 0x178) return 0xFF;
    if (c >= 0x400 && c <= 0x40F) return c + 80;
  }
  bool even_upper = (c >= 0x100 && c <= 0x12F) || (c >= 0x132 && c <= 0x137) || (c >= 0x14A && c <= 0x177) || (c >= 0x460 && c <= 0x481);
  bool odd_upper = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E);
  if (even_upper) return up ? c & ~1u : c | 1u;
  if (odd_upper) return up ? ((c & 1) ? c : c - 1) : ((c & 1) ? c + 1 : c);
  return c;
}

static size_t utf8_next(const char *p, size_t n, unsigned *c) {
  const unsigned char *s = (const unsigned char *)p;
  size_t len = s[0] < 0x80 ? 1 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
  if (len > n) len = n;
  *c = len == 1 ? s[0] : len == 2 ? s[0] & 0x1Fu : len == 3 ? s[0] & 0x0Fu : s[0] & 0x07u;
  for (size_t i = 1; i < len; i++) *c = (*c << 6) | (s[i] & 0x3Fu);
  return len;
}

static peri_str with_case(plan_run *r, peri_str s, bool up) {
  size_t i = 0;
  char first = up ? 'a' : 'A', last = up ? 'z' : 'Z';
  while (i < s.n && !(s.p[i] >= first && s.p[i] <= last) && (unsigned char)s.p[i] < 128) i++;
  if (i == s.n) return s;                          /* most texts are in the wanted case already */
  char *out = peri_arena_bytes(r->arena, s.n + 4); /* no pair above differs in length */
  memcpy(out, s.p, i);
  for (; i < s.n && (unsigned char)s.p[i] < 128; i++) out[i] = (char)(s.p[i] >= first && s.p[i] <= last ? s.p[i] ^ 32 : s.p[i]);
  size_t at = i;
  while (i < s.n) {
    unsigned c;
    i += utf8_next(s.p + i, s.n - i, &c);
    at += peri_utf8_put(out + at, other_case(c, up));
  }
  return (peri_str){out, at};
}

bool plan_scalar_text(plan_run *r, const plan_field *f, plan_in *in, peri_str *text, bool *plain, const char *wanted) {
  switch (in->type) {
  case PERI_J_STRING:
    *text = plan_in_text(r, in);
    *plain = in->plain;
    break;
  case PERI_J_NUMBER:
    *text = in->text;
    *plain = true;
    break;
  case PERI_J_TRUE:
  case PERI_J_FALSE:
    *text = in->type == PERI_J_TRUE ? PERI_STR("true") : PERI_STR("false");
    *plain = true;
    break;
  default: return plan_wrong(r, f, in, "%s", wanted);
  }
  if (f->trim && text->n && (plan_space(text->p[0]) || plan_space(text->p[text->n - 1]))) *text = peri_str_trim(*text);
  if (f->letters) *text = with_case(r, *text, f->letters > 0);
  if (r->trace) plan_trace_text(r, f, "tidy", *text);
  return true;
}

static bool as_text(plan_val *out, peri_str text, bool plain) {
  *out = (plan_val){.type = PT_TEXT, .text = text, .plain = plain};
  return true;
}

bool plan_text(plan_run *r, const plan_field *f, plan_in *in, plan_val *out) {
  peri_str text;
  bool plain;
  if (!plan_scalar_text(r, f, in, &text, &plain, "a text")) return false;
  as_text(out, text, plain);
  /* nothing changed: its own bytes go into the row, escapes and all */
  if (in->type == PERI_J_STRING && !plain && in->raw.n && text.p == in->text.p && text.n == in->text.n) out->raw = in->raw;
  return true;
}

/* ---- email ---- */

/* Bits of the ASCII characters of a local part: letters, digits, !#$%&'*+/=?^_`{|}~- */
static const uint64_t mail_low = 0xA3FFACFA00000000, mail_high = 0x7FFFFFFFC7FFFFFE;
static bool mail_char(unsigned char c) { return c >= 128 || ((c < 64 ? mail_low >> c : mail_high >> (c - 64)) & 1); }

static const uint64_t name_low = 0x03FF000000000000, name_high = 0x07FFFFFE07FFFFFE; /* letters, digits */
static bool domain_char(unsigned char c) { return c >= 128 || ((c < 64 ? name_low >> c : name_high >> (c - 64)) & 1); }

static bool domain_ok(peri_str d, bool dot_needed) {
  size_t label = 0, labels = 1;
  bool digits = true;
  if (!d.n || d.n > 253) return false;
  for (size_t i = 0; i < d.n; i++) {
    unsigned char c = (unsigned char)d.p[i];
    if (c == '.') {
      if (!label || d.p[i - 1] == '-') return false;
      label = 0;
      digits = true;
      labels++;
      continue;
    }
    if (c != '-' ? !domain_char(c) : !label) return false;
    if (!plan_digit((char)c)) digits = false;
    if (++label > 63 && c < 128) return false;
  }
  return label > 0 && d.p[d.n - 1] != '-' && !(dot_needed && (digits || labels < 2 || label < 2));
}

bool plan_email(plan_run *r, const plan_field *f, plan_in *in, plan_val *out) {
  static const char wanted[] = "an e-mail address such as ana@example.com";
  peri_str text;
  bool plain;
  if (in->type != PERI_J_STRING) return plan_wrong(r, f, in, wanted);
  if (!plan_scalar_text(r, f, in, &text, &plain, wanted)) return false;
  if (text.n > 7 && peri_str_eq_nocase((peri_str){text.p, 7}, PERI_STR("mailto:"))) text = peri_str_from(text, 7);
  size_t at = 0;
  bool sound = text.n <= 254;
  for (; sound && at < text.n && text.p[at] != '@'; at++) {
    unsigned char c = (unsigned char)text.p[at];
    if (c == '.')
      sound = at > 0 && text.p[at - 1] != '.' && at + 1 < text.n && text.p[at + 1] != '@';
    else
      sound = mail_char(c);
  }
  if (!sound || at == 0 || at > 64 || at >= text.n || !domain_ok(peri_str_from(text, at + 1), true)) return plan_wrong(r, f, in, wanted);
  return as_text(out, text, true); /* no character that JSON escapes can stand in one */
}

/* ---- url ---- */

/* [user@]host[:port] */
static bool authority_ok(peri_str a, bool dot_needed) {
  bool ipv6 = false;
  for (size_t i = a.n; i > 0; i--)
    if (a.p[i - 1] == '@') {
      a = peri_str_from(a, i);
      break;
    }
  if (a.n && a.p[0] == '[') { /* an IPv6 address */
    const char *end = memchr(a.p, ']', a.n);
    if (!end || end - a.p < 3) return false;
    for (const char *p = a.p + 1; p < end; p++)
      if (!strchr("0123456789abcdefABCDEF:.", *p)) return false;
    a = peri_str_from(a, (size_t)(end - a.p) + 1);
    if (a.n && a.p[0] != ':') return false;
    ipv6 = true;
  }
  peri_str host, port = peri_str_cut(a, ':', &host);
  for (size_t i = 0; i < port.n; i++)
    if (!plan_digit(port.p[i])) return false;
  if (port.n > 5) return false;
  if (ipv6) return true;
  if (host.n && host.p[host.n - 1] == '.') host.n--;
  char plain[256];
  if (host.n >= sizeof plain) return false;
  for (size_t i = 0; i < host.n; i++) plain[i] = host.p[i] == '_' ? 'x' : host.p[i]; /* host names in the wild hold underscores */
  return domain_ok((peri_str){plain, host.n}, dot_needed);
}

bool plan_url(plan_run *r, const plan_field *f, plan_in *in, plan_val *out) {
  static const char wanted[] = "a web address such as https://example.com/page";
  peri_str text;
  bool plain;
  if (in->type != PERI_J_STRING) return plan_wrong(r, f, in, wanted);
  if (!plan_scalar_text(r, f, in, &text, &plain, wanted)) return false;
  for (size_t i = 0; i < text.n; i++)
    if ((unsigned char)text.p[i] <= ' ' || text.p[i] == 127 || text.p[i] == '<' || text.p[i] == '>' || text.p[i] == '"')
      return plan_wrong(r, f, in, wanted);
  size_t scheme = 0;
  while (scheme < text.n && (plan_digit(text.p[scheme]) || (text.p[scheme] | 32) >= 'a') && (text.p[scheme] | 32) <= 'z') scheme++;
  bool has = scheme > 0 && !plan_digit(text.p[0]) && scheme + 3 <= text.n && memcmp(text.p + scheme, "://", 3) == 0;
  size_t start = has ? scheme + 3 : 0, end = start;
  while (end < text.n && !strchr("/?#", text.p[end])) end++;
  if (!authority_ok((peri_str){text.p + start, end - start}, !has)) return plan_wrong(r, f, in, wanted);
  /* people type example.com: the scheme is added; scheme and host mean the same in any case and get lower letters */
  size_t add = has ? 0 : 8;
  char *own = peri_arena_bytes(r->arena, text.n + 8);
  memcpy(own, "https://", add);
  memcpy(own + add, text.p, text.n);
  for (size_t i = 0; i < add + end; i++)
    if (own[i] >= 'A' && own[i] <= 'Z' && !memchr(text.p + start, '@', end - start)) own[i] = (char)(own[i] + 32);
  return as_text(out, (peri_str){own, text.n + add}, false);
}

/* ---- phone ---- */

bool plan_phone(plan_run *r, const plan_field *f, plan_in *in, plan_val *out) {
  static const char wanted[] = "a phone number of 7 to 15 digits, with + before the country";
  peri_str text;
  bool plain;
  if (in->type != PERI_J_STRING && in->type != PERI_J_NUMBER) return plan_wrong(r, f, in, wanted);
  if (!plan_scalar_text(r, f, in, &text, &plain, wanted)) return false;
  if (text.n > 4 && peri_str_eq_nocase((peri_str){text.p, 4}, PERI_STR("tel:"))) text = peri_str_from(text, 4);
  char *own = peri_arena_bytes(r->arena, 17);
  size_t n = 0, digits = 0;
  for (size_t i = 0; i < text.n; i++) {
    char c = text.p[i];
    if (plan_digit(c)) {
      if (++digits > 15) return plan_wrong(r, f, in, wanted);
      own[n++] = c;
    } else if (c == '+' && n == 0) {
      own[n++] = c;
    } else if (c == '\xC2' && i + 1 < text.n && text.p[i + 1] == '\xA0') {
      i++; /* a no-break space */
    } else if (!c || (!plan_space(c) && !strchr("()[].-/", c))) {
      return plan_wrong(r, f, in, wanted);
    }
  }
  if (digits < 7) return plan_wrong(r, f, in, wanted);
  return as_text(out, (peri_str){own, n}, true);
}

/* ---- id, uuid ---- */

bool plan_id(plan_run *r, const plan_field *f, plan_in *in, plan_val *out) {
  if (in->type == PERI_J_STRING) return plan_text(r, f, in, out);
  char digits[48];
  if (in->type != PERI_J_NUMBER || !peri_number_integer(in->text, digits)) return plan_wrong(r, f, in, "an id: a text or a whole number");
  peri_str whole = peri_str_of(digits);
  return as_text(out, peri_str_eq(whole, in->text) ? in->text : peri_arena_str(r->arena, whole), true);
}

bool plan_uuid(plan_run *r, const plan_field *f, plan_in *in, plan_val *out) {
  static const char wanted[] = "a UUID such as 0190163d-8694-739b-aea5-966c26f8ad91";
  char canonical[PERI_UUID_TEXT];
  if (in->type != PERI_J_STRING) return plan_wrong(r, f, in, wanted);
  peri_str text = peri_str_trim(plan_in_text(r, in));
  if (!peri_uuid_read(text, canonical)) return plan_wrong(r, f, in, wanted);
  peri_str own = {canonical, PERI_UUID_TEXT - 1};
  return as_text(out, peri_str_eq(own, text) ? text : peri_arena_str(r->arena, own), true);
}
