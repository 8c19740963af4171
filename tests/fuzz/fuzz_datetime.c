/* Fuzz: stamps, HTTP dates, durations, sizes, ids, and the redaction of any text. What is read can be written and read again. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/uuid.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#define MUST(x)                                                                                                                                      \
  do {                                                                                                                                               \
    if (!(x)) abort();                                                                                                                               \
  } while (0)

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  peri_str s = {(const char *)data, size};
  int64_t ms, again;
  uint64_t bytes;
  bool had_time, had_zone;
  char out[PERI_ISO_MAX], id[PERI_UUID_TEXT], id2[PERI_UUID_TEXT];
  for (int zone = -840; zone <= 840; zone += 420) {
    if (!peri_iso_read(s, zone, &ms, &had_time, &had_zone)) continue;
    MUST(had_time || !had_zone);
    peri_iso(ms, out);
    if (out[0]) MUST(peri_iso_read(peri_str_of(out), zone, &again, &had_time, &had_zone) && again == ms && had_time && had_zone);
  }
  if (peri_http_date_read(s, &ms)) MUST(peri_iso(ms, out)[0] && ms % 1000 == 0);
  if (peri_duration_read(s, &ms)) MUST(ms >= 0);
  (void)peri_size_read(s, &bytes);
  if (peri_uuid_read(s, id)) MUST(peri_uuid_read(peri_str_of(id), id2) && memcmp(id, id2, sizeof id) == 0);
  if (size >= 8) { /* the middle is the secret */
    memcpy(&ms, data, 8);
    peri_civil c = peri_civil_of(ms);
    if (c.year > -290000000 && c.year < 290000000) MUST(peri_civil_valid(&c) && peri_civil_ms(&c) == ms);
    peri_str secret = {s.p + size / 4, size / 2};
    peri_redact_clear();
    peri_redact_add(secret);
    char *text = malloc(size);
    memcpy(text, data, size);
    size_t n = peri_redact(text, size);
    MUST(n <= size);
    if (secret.n >= 6 && !memchr(secret.p, '*', secret.n)) {
      MUST(n < size);
      MUST(!memmem(text, n, secret.p, secret.n));
    }
    free(text);
    peri_redact_clear();
  }
  return 0;
}
