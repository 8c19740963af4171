/* base/embed: files that travel inside the binary (mk/embed.sh writes the table at build time). */
#ifndef PERI_BASE_EMBED_H
#define PERI_BASE_EMBED_H

typedef struct peri_embed {
  const char *path; /* as in the repository: "connectors/hubspot.lua" */
  const unsigned char *bytes; /* a NUL stands behind them */
  unsigned long size;
} peri_embed;

extern const peri_embed peri_embeds[];
extern const unsigned long peri_embed_count;

#endif
