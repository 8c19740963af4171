/* cmd/doctor: what this machine allows: the layers of the jail that hold, and whether the project's files are for their owner alone. */
#include "core/doctor.h"

#include <stdio.h>

#include "cmd/flags.h"

static int run(peri_cli *c) {
  peri_err e = {0};
  peri_session s;
  peri_buf json = {0}, text = {0};
  bool healthy = false;
  peri_code code = peri_session_open(c, 0, &s, &e);
  if (!code) {
    peri_session_key(c, s.project->key, &s.key);
    bool looked = s.project->key || s.key.from != PERI_KEY_FILE || peri_cli_has(c, "key-file");
    peri_doctor_files files = {.project = s.project->dir,
                               .database = s.project->database,
                               .key = looked && s.key.from != PERI_KEY_ENVIRONMENT ? s.key.path : NULL,
                               .key_is_credential = s.key.from == PERI_KEY_CREDENTIAL,
                               .key_in_environment = s.key.from == PERI_KEY_ENVIRONMENT};
    code = peri_doctor(&files, &json, &text, &healthy, &e);
    peri_session_close(&s);
  }
  if (!code && c->json)
    peri_cli_data(c, peri_buf_view(&json));
  else if (!code)
    fwrite(text.p, 1, text.n, stdout);
  peri_buf_fini(&json);
  peri_buf_fini(&text);
  return code ? peri_cli_fail(c, &e) : healthy ? 0 : 1;
}

const peri_command peri_command_doctor = {
    "doctor",
    "",
    "what this machine allows: the layers of the sandbox, versions, file modes",
    "Starts one worker and asks which layers hold: seccomp, Landlock, limits, closed descriptors. Exit code 1 if one is missing\n"
    "or a secret file is open to others; perilune works all the same and says so once.",
    0,
    0,
    NULL,
    0,
    run};
