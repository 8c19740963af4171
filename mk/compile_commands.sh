#!/bin/sh
# mk/compile_commands.sh FLAGS FILE…: compile_commands.json for editors and clang-tidy.
flags=$(printf '%s' "$1" | sed 's/\\/\\\\/g; s/"/\\"/g')
shift
here=$(pwd)
echo '['
comma=''
for f in "$@"; do
  printf '%s{"directory":"%s","file":"%s","command":"cc %s -c %s"}' "$comma" "$here" "$f" "$flags" "$f"
  comma=',
'
done
printf '\n]\n'
