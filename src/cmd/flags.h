/* cmd/flags: how a command file makes its flags and itself known to the table (commands.c). */
#ifndef PERI_CMD_FLAGS_H
#define PERI_CMD_FLAGS_H

#include "cmd/cli.h"

#define PERI_COMMANDS_EACH(X) /* one a line: they come from many hands */ \
  X(init) \
  X(demo) \
  X(add) \
  X(list) \
  X(show) \
  X(set) \
  X(remove) \
  X(auth) \
  X(check) \
  X(sync) X(backfill) \
  X(status) \
  X(runs) \
  X(rejects) \
  X(drift) \
  X(remap) \
  X(plan) \
  X(why) \
  X(map) \
  X(mappings) \
  X(templates) \
  X(connectors) \
  X(discover) \
  X(explain) \
  X(validate) \
  X(test) \
  X(sql) \
  X(emulate) \
  X(key) \
  X(doctor) \
  X(completion) \
  X(help) \
  X(schedule) \
  X(serve)

#define X(name) extern const peri_command peri_command_##name;
PERI_COMMANDS_EACH(X)
#undef X

/* "NAME=VALUE" -> parts; false if there is no `=` or the name is empty */
static inline bool peri_cut_pair(const char *text, peri_str *name, peri_str *value) {
  const char *eq = strchr(text, '=');
  if (!eq || eq == text) return false;
  *name = (peri_str){text, (size_t)(eq - text)};
  *value = peri_str_of(eq + 1);
  return true;
}

#endif
