/* cmd/commands: the table of commands, in the order in which help shows them. */
#include "cmd/flags.h"

const peri_command *const peri_commands[] = {
#define X(name) &peri_command_##name,
    PERI_COMMANDS_EACH(X)
#undef X
};
const size_t peri_command_count = sizeof peri_commands / sizeof *peri_commands;
