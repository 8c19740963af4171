/* cmd/streams: what a command reads and writes. Commands are ordinary programs and use stdio's names; here these names mean the streams of whoever asked:
 * the terminal, or a client of a process that stays (cmd/host). Included by cli.h, after every system header that a command needs. */
#ifndef PERI_CMD_STREAMS_H
#define PERI_CMD_STREAMS_H

#include <stdbool.h>
#include <stdio.h>

FILE *peri_cli_stdin(void);
FILE *peri_cli_stdout(void);
FILE *peri_cli_stderr(void);
void peri_cli_streams(FILE *in, FILE *out, FILE *err); /* of this thread; NULL: the process's own */
/* A file that the command line names: the client's, if there is one. A descriptor, or -1 with errno. "-" is standard input. */
int peri_cli_open_file(const char *path);
/* What was read from standard input: whoever opens it again, to hand the line over, gets the same. */
void peri_cli_remember_input(const char *bytes, size_t n);

#ifndef PERI_CMD_OWN_STREAMS
#undef stdin
#undef stdout
#undef stderr
#define stdin peri_cli_stdin()
#define stdout peri_cli_stdout()
#define stderr peri_cli_stderr()
#define printf(...) fprintf(peri_cli_stdout(), __VA_ARGS__)
#define puts(text) ((void)fputs(text, peri_cli_stdout()), (void)fputc('\n', peri_cli_stdout()))
#define putchar(c) fputc(c, peri_cli_stdout())
#endif

#endif
