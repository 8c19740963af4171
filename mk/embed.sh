#!/bin/sh
# Writes C source that holds the named files as byte arrays: see src/base/embed.h.
printf '#include "base/embed.h"\n'
i=0
for f in "$@"; do
  printf 'static const unsigned char file_%d[] = {\n' "$i"
  od -An -v -tu1 "$f" | sed 's/  */,/g; s/^,//; s/$/,/'
  printf '0};\n'
  i=$((i + 1))
done
printf 'const peri_embed peri_embeds[] = {\n'
i=0
for f in "$@"; do
  printf '{"%s", file_%d, sizeof file_%d - 1},\n' "$f" "$i" "$i"
  i=$((i + 1))
done
printf '};\nconst unsigned long peri_embed_count = sizeof peri_embeds / sizeof peri_embeds[0];\n'
