#!/bin/sh
# mk/compile_commands.sh FILE…: compile_commands.json for editors and clang-tidy. The flags come in the variable FLAGS, quoted for a
# shell: what reads the file takes a command apart as a shell does.
flags=$(printf '%s' "$FLAGS" | sed 's/\\/\\\\/g; s/"/\\"/g')
here=$(pwd)
echo '['
comma=''
for f in "$@"; do
  printf '%s{"directory":"%s","file":"%s","command":"cc %s -c %s"}' "$comma" "$here" "$f" "$flags" "$f"
  comma=',
'
done
printf '\n]\n'
