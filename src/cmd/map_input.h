/* cmd/map_input: records out of a file or standard input, whatever their form: one object, a page, an array, NDJSON, or objects one after another.
 * Holds one record at a time (one whole document for objects and pages). Refuses what has no end, and says in which line. */
#ifndef PERI_CMD_MAP_INPUT_H
#define PERI_CMD_MAP_INPUT_H

#include "base/buf.h"
#include "base/err.h"

typedef enum peri_form { PERI_FORM_NOTHING, PERI_FORM_DOCUMENT, PERI_FORM_ARRAY, PERI_FORM_LINES, PERI_FORM_OBJECTS } peri_form;

typedef struct peri_input {
  int fd;
  const char *name; /* for messages */
  peri_buf buf;
  size_t at;        /* consumed up to here */
  int64_t line;     /* of `at`, from 1 */
  int64_t records;  /* given so far */
  bool ended, open; /* ended: nothing more to read; open: the array is not closed yet */
  peri_form form;
} peri_input;

/* NULL or "-": standard input. Reads as much as it takes to see the form. */
peri_code peri_input_open(peri_input *in, const char *path, peri_err *e);
void peri_input_close(peri_input *in);

typedef struct peri_input_record {
  peri_str text;  /* valid until the next call; empty if too_large */
  int64_t line;   /* where it begins */
  bool too_large; /* more than PERI_RECORD_BYTES_MAX: it was read over */
} peri_input_record;
/* ARRAY, LINES, OBJECTS: the next record; *got false at the end. INVALID when the structure around records is broken. */
peri_code peri_input_next(peri_input *in, peri_input_record *out, bool *got, peri_err *e);
/* DOCUMENT: all of it. */
peri_str peri_input_document(const peri_input *in);

#endif
