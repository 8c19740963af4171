/* cmd/init: makes a project folder with everything a user edits, the database and the key. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/flags.h"

static int run(peri_cli *c) {
  const char *dir = c->arg_count ? c->args[0] : c->dir ? c->dir : ".";
  peri_err e = {0};
  int made = 0;
  peri_session s = {0};
  peri_code code = peri_project_init(dir, &made, &e);
  bool fresh_key = false;
  if (!code) {
    peri_arena *a = peri_arena_new();
    const char *database = peri_arena_fmt(a, "%s/perilune.db", dir).p, *key;
    peri_key_place place;
    peri_session_key(c, peri_arena_fmt(a, "%s/perilune.key", dir).p, &place);
    key = place.path;
    if (place.from == PERI_KEY_FILE && access(key, F_OK) != 0) { /* a key from elsewhere needs no file beside it */
      if (access(c->database ? c->database : database, F_OK) == 0)
        code = peri_fail(&e, PERI_NO_KEY, "%s is missing, and the database beside it was sealed with it; a new key would not open it", key);
      else {
        code = peri_key_create(key, &e);
        fresh_key = !code;
      }
    }
    peri_arena_free(a);
  }
  peri_cli opened = *c;
  opened.dir = dir;
  opened.arg_count = 0;
  if (!code) code = peri_session_open(&opened, PERI_NEED_PROJECT | PERI_NEED_WRITE | PERI_NEED_KEY, &s, &e);
  if (code) return peri_cli_fail(c, &e);
  if (c->json) {
    peri_buf b = {0};
    peri_jw w;
    peri_jw_init(&w, &b);
    peri_jw_object(&w);
    peri_jw_kv_c(&w, "project", s.project->dir);
    peri_jw_kv_c(&w, "database", s.project->database);
    peri_jw_kv_int(&w, "files", made);
    peri_jw_kv_bool(&w, "newKey", fresh_key);
    peri_jw_end_object(&w);
    peri_cli_data(c, peri_buf_view(&b));
    peri_buf_fini(&b);
  } else if (!c->quiet) {
    printf("project %s: %d new files, existing ones left as they are\n", s.project->dir, made);
    if (fresh_key) printf("made %s: keep a copy of it; without it the stored credentials can't be read\n", s.key.path);
    printf("next: perilune -C %s add hubspot my-crm --credential accessToken=-\n", dir);
  }
  peri_session_close(&s);
  return 0;
}

const peri_command peri_command_init = {"init",
                                        "[DIR]",
                                        "make a project: perilune.lua, connectors/, mappings/, lib/, a database and a key",
                                        "Files that exist stay as they are, so init can be run again to get what is missing.\n"
                                        "The key (perilune.key, mode 0600) seals the credentials in the database. It is never overwritten.",
                                        0, 1, NULL, 0, run};
