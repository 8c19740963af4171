/* cmd/emulate: plays an API on loopback until it is stopped; holds neither database nor key. */
#include "core/emulate.h"

#include <stdio.h>

#include "cmd/flags.h"

static int run(peri_cli *c) {
  peri_err e = {0};
  peri_session s;
  peri_emulate_config config = {.type = c->args[0], .records = -1, .seed = 1};
  int64_t port = 0;
  if (!peri_cli_number(c, "port", &port, &e) || !peri_cli_number(c, "records", &config.records, &e) || !peri_cli_number(c, "seed", &config.seed, &e)) return peri_cli_fail(c, &e);
  if (port > 65535) return peri_cli_usage(c, "--port is 0 to 65535, not %lld", (long long)port);
  peri_code code = peri_session_open(c, 0, &s, &e);
  if (!code) {
    config.port = (int)port;
    config.files = s.project->files;
    config.file_count = s.project->file_count;
    code = peri_emulate(&config, stdout, &e);
    peri_session_close(&s);
  }
  return code ? peri_cli_fail(c, &e) : 0;
}

static const peri_flag flags[] = {
    {"port", "N", false, "the port to listen on (default 0: any free one)"},
    {"records", "N", false, "how many records the largest table holds"},
    {"seed", "S", false, "another seed makes other data; the same one the same"},
};
const peri_command peri_command_emulate = {"emulate", "TYPE [--port N] [--records N] [--seed S]", "play an API on loopback: the emulator beside a connector",
                                           "Prints its base URL first. HubSpot's accepts the token pat-emulator, and the OAuth client emulator / emulator-secret\n"
                                           "with the refresh token emulator-refresh. Changes, faults and limits are steered over HTTP: see docs/emulators.md.",
                                           1, 1, flags, 3, run};
