/* bench/gen: pages of contacts as HubSpot lists them, the same bytes for the same arguments: gen DIR RECORDS [PER_PAGE]
 * Writes DIR/p/AFTER.json (AFTER is the number of the page's first record) and DIR/all.ndjson (the same records, one a line).
 * About 700 bytes a record: 21 properties, names of many scripts (every tenth record spells them with \u), nulls, and about one record in twenty
 * with something wrong in it: an e-mail address that is none, a number or a date that is text. Gives no faulty JSON: that is what the tests are for. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))

static const char *const firsts[] = {"Ana",  "Åsa",   "Bogdan", "Chloé", "Dimitra", "Elżbieta", "Fatoumata", "Gülşen", "Hélène", "Ingrid", "João", "Kwame",
                                     "Lưu",  "Márta", "Ngozi",  "Oğuz",  "Pádraig", "Rūta",     "Siobhán",   "Þóra",   "Zdeněk", "Ольга",  "Юрій", "Νίκος",
                                     "علي",  "נועה",  "आरती",    "さくら", "지훈",     "小明",     "Will \"Bill\"", "C:\\Max"};
static const char *const lasts[] = {"Andersson", "Brânză", "Çelik", "Ďurica", "Evans", "Fernández", "Grünewald", "Hrabě", "Iñárritu", "Jónsdóttir", "Kováč", "López",
                                    "McDonald", "Nowak", "O'Neil", "Pérez", "Søndergaard", "Tran", "Петренко", "Ünal", "van den Berg", "鈴木", "김", "Tab\there"};
static const char *const companies[] = {"Nordlicht GmbH", "Café São Bento Lda", "Ø & Sønner A/S", "Contoso", "Ромашка", "山本商事", "Fabrikam <Labs>", "Łódź Steel"};
static const char *const titles[] = {"CEO", "Head of Sales", "Ingénieure", "Buchhalterin", "プログラマー", "Trainee", "Директор"};
static const char *const cities[] = {"Porto", "Göteborg", "Kraków", "Zürich", "大阪", "Austin", "Reykjavík", "Lviv"};
static const char *const countries[] = {"PT", "SE", "PL", "CH", "JP", "US", "IS", "UA"};
static const char *const stages[] = {"subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer"};
static const char *const words[] = {"call", "back", "after", "Easter", "naïve", "offer", "sent", "café", "waiting", "for", "the", "budget", "😀", "übermorgen", "déjà", "renewal"};

static uint64_t state = 0x9e3779b97f4a7c15u;
static uint32_t any(uint32_t below) { /* xorshift64*: only has to be the same everywhere */
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return (uint32_t)(((state * 0x2545f4914f6cdd1du) >> 32) % below);
}
static const char *pick(const char *const *list, size_t n) { return list[any((uint32_t)n)]; }

typedef struct text {
  char *p;
  size_t n, cap;
} text;

static void put(text *t, const char *p, size_t n) {
  if (t->n + n > t->cap) {
    t->cap = (t->n + n) * 2 + 4096;
    t->p = realloc(t->p, t->cap);
    if (!t->p) abort();
  }
  memcpy(t->p + t->n, p, n);
  t->n += n;
}
static void puts_(text *t, const char *s) { put(t, s, strlen(s)); }

static uint32_t utf8(const unsigned char **s) {
  uint32_t c = *(*s)++;
  if (c < 0x80) return c;
  int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
  c &= (uint32_t)(0x3f >> more);
  while (more--) c = c << 6 | (*(*s)++ & 0x3fu);
  return c;
}

static void put_json(text *t, const char *s, int ascii) {
  char u[16];
  put(t, "\"", 1);
  for (const unsigned char *p = (const unsigned char *)s; *p;) {
    const unsigned char *from = p;
    uint32_t c = utf8(&p);
    if (c == '"' || c == '\\') {
      put(t, "\\", 1);
      put(t, (const char *)from, 1);
    } else if (c == '\t') {
      put(t, "\\t", 2);
    } else if (c < 0x80 || !ascii) {
      put(t, (const char *)from, (size_t)(p - from));
    } else if (c < 0x10000) {
      snprintf(u, sizeof u, "\\u%04x", c);
      puts_(t, u);
    } else {
      snprintf(u, sizeof u, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + ((c - 0x10000) & 0x3ff));
      puts_(t, u);
    }
  }
  put(t, "\"", 1);
}

static void prop(text *t, const char *name, const char *value, int ascii) {
  put(t, ",\"", 2);
  puts_(t, name);
  put(t, "\":", 2);
  if (value) put_json(t, value, ascii);
  else puts_(t, "null");
}

static void iso(char out[32], uint64_t ms) {
  time_t s = (time_t)(ms / 1000);
  struct tm tm;
  gmtime_r(&s, &tm);
  size_t n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
  snprintf(out + n, 32 - n, ".%03dZ", (int)(ms % 1000));
}

static void record(text *t, uint32_t i) {
  int ascii = i % 10 == 0;
  char id[24], email[96], padded[112], phone[40], web[64], street[64], zip[8], money[32], staff[16], made[32], changed[32], notes[256] = "";
  const char *first = pick(firsts, COUNT(firsts)), *last = pick(lasts, COUNT(lasts));
  snprintf(id, sizeof id, "%" PRIu32, 100001 + i * 3);
  snprintf(email, sizeof email, "%s.%u@Mail%u.Example.COM", pick(words, 4), i, any(400));
  uint32_t luck = any(100);
  const char *address = email;
  if (luck < 3) snprintf(email, sizeof email, "ask reception, room %u", i % 900);
  else if (luck < 5) address = NULL;
  else if (luck < 15) {
    snprintf(padded, sizeof padded, "  %s ", email);
    address = padded;
  }
  snprintf(phone, sizeof phone, "+%u %03u-%07u", 1 + any(98), any(1000), any(10000000));
  snprintf(web, sizeof web, "https://www.example%u.com/team", any(999));
  uint32_t where = any(COUNT(cities));
  snprintf(street, sizeof street, "%s %u", any(2) ? "Main Street" : "Hauptstraße", 1 + any(300));
  snprintf(zip, sizeof zip, "%05u", any(100000));
  snprintf(money, sizeof money, "%u.%02u", any(1000000), any(100));
  snprintf(staff, sizeof staff, "%u", 1 + any(50000));
  uint64_t born = 1546300800000u + (uint64_t)any(150000000) * 1000 + any(1000);
  iso(made, born);
  iso(changed, born + (uint64_t)any(50000000) * 1000);
  for (uint32_t n = any(9); n > 0; n--) {
    strcat(notes, pick(words, COUNT(words)));
    if (n > 1) strcat(notes, " ");
  }
  puts_(t, "{\"id\":\"");
  puts_(t, id);
  puts_(t, "\",\"properties\":{\"hs_object_id\":");
  put_json(t, id, 0);
  prop(t, "email", address, ascii);
  prop(t, "firstname", any(100) < 3 ? NULL : first, ascii);
  snprintf(padded, sizeof padded, any(10) ? "%s" : "  %s", last);
  prop(t, "lastname", padded, ascii);
  prop(t, "phone", any(100) < 15 ? NULL : phone, ascii);
  prop(t, "company", any(10) ? pick(companies, COUNT(companies)) : NULL, ascii);
  prop(t, "jobtitle", pick(titles, COUNT(titles)), ascii);
  prop(t, "website", any(5) ? web : NULL, ascii);
  prop(t, "address", street, ascii);
  prop(t, "city", cities[where], ascii);
  prop(t, "state", NULL, ascii);
  prop(t, "zip", zip, ascii);
  prop(t, "country", countries[where], ascii);
  prop(t, "lifecyclestage", any(7) ? pick(stages, COUNT(stages)) : NULL, ascii);
  prop(t, "hs_lead_status", any(3) ? (any(2) ? "NEW" : "OPEN") : NULL, ascii);
  luck = any(100);
  prop(t, "annualrevenue", luck < 1 ? "on request" : luck < 5 ? (luck < 3 ? "" : NULL) : money, ascii);
  prop(t, "num_employees", staff, ascii);
  prop(t, "hs_email_optout", any(4) ? "false" : any(2) ? "true" : "", ascii);
  luck = any(200);
  prop(t, "createdate", luck < 2 ? "yesterday" : luck < 4 ? NULL : made, ascii);
  prop(t, "lastmodifieddate", changed, ascii);
  prop(t, "notes_last_contacted", notes[0] ? notes : NULL, ascii);
  puts_(t, "},\"createdAt\":\"");
  puts_(t, made);
  puts_(t, "\",\"updatedAt\":\"");
  puts_(t, changed);
  puts_(t, "\",\"archived\":false}");
}

static FILE *open_out(const char *dir, const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  FILE *f = fopen(path, "w");
  if (!f) {
    perror(path);
    exit(1);
  }
  return f;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: gen DIR RECORDS [PER_PAGE]\n");
    return 2;
  }
  uint32_t records = (uint32_t)atoi(argv[2]), per_page = argc > 3 ? (uint32_t)atoi(argv[3]) : 100;
  char path[4096], tail[64];
  snprintf(path, sizeof path, "%s/p", argv[1]);
  mkdir(argv[1], 0755);
  mkdir(path, 0755);
  FILE *all = open_out(argv[1], "all.ndjson");
  text page = {0};
  uint64_t total = 0;
  for (uint32_t from = 0; from < records; from += per_page) {
    uint32_t until = from + per_page < records ? from + per_page : records;
    page.n = 0;
    puts_(&page, "{\"results\":[");
    for (uint32_t i = from; i < until; i++) {
      size_t at = page.n;
      record(&page, i);
      fwrite(page.p + at, 1, page.n - at, all);
      fputc('\n', all);
      total += page.n - at;
      if (i + 1 < until) put(&page, ",", 1);
    }
    put(&page, "]", 1);
    if (until < records) {
      snprintf(tail, sizeof tail, ",\"paging\":{\"next\":{\"after\":\"%u\"}}", until);
      puts_(&page, tail);
    }
    put(&page, "}", 1);
    char name[32];
    snprintf(name, sizeof name, "p/%u.json", from);
    FILE *f = open_out(argv[1], name);
    fwrite(page.p, 1, page.n, f);
    fclose(f);
  }
  fclose(all);
  free(page.p);
  printf("%u records, %" PRIu64 " bytes, %" PRIu64 " a record\n", records, total, records ? total / records : 0);
  return 0;
}
