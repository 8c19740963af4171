# tests/bench/table.awk: reads figures/NAME.ROUND (lines "what value"), prints the table, and the same as one line of JSON after "JSON ".
FNR == 1 { split(FILENAME, parts, "/"); n = split(FILENAME, parts, "/"); split(parts[n], name, "."); job = name[1] }
{ k = job SUBSEP $1; value[k, ++count[k]] = $2 }

function median(j, what,    k, n, i, t, x, v) {
  k = j SUBSEP what
  n = count[k]
  if (!n) return 0
  for (i = 1; i <= n; i++) v[i] = value[k, i]
  for (i = 1; i <= n; i++) for (t = i + 1; t <= n; t++) if (v[t] < v[i]) { x = v[i]; v[i] = v[t]; v[t] = x }
  return v[int((n + 1) / 2)]
}
function most(j, what,    k, i, m) { k = j SUBSEP what; for (i = 1; i <= count[k]; i++) if (value[k, i] > m) m = value[k, i]; return m + 0 }
function rate(j, what,    us) { us = median(j, what); return us ? ENVIRON["records"] * 1000000 / us : 0 }
function ratio(a, b, what,    x) { x = rate(b, what); return x ? rate(a, what) / x : 0 }
function row(j, title) {
  if (!count[j SUBSEP "wall_us"]) return
  printf "%-34s %9.2f %9.2f %10d %10d %8.1f %8.1f\n", title, median(j, "wall_us") / 1e6, median(j, "cpu_us") / 1e6, rate(j, "wall_us"), rate(j, "cpu_us"), most(j, "peak_kb") / 1024, most(j, "workers_kb") / 1024
  json = json sprintf(",\"%s\":{\"wallMs\":%d,\"cpuMs\":%d,\"recordsPerSecond\":%d,\"recordsPerCpuSecond\":%d,\"peakKb\":%d,\"workersPeakKb\":%d}", j, median(j, "wall_us") / 1000, median(j, "cpu_us") / 1000, rate(j, "wall_us"), rate(j, "cpu_us"), most(j, "peak_kb"), most(j, "workers_kb"))
}
function goal(title, is, want, higher, form) {
  if (is == 0) return
  printf "%-44s " form "   goal %s " form "   %s\n", title, is, higher ? ">=" : "<=", want, (higher ? is >= want : is <= want) ? "met" : "MISSED"
}
END {
  printf "%d contacts, %d rounds, medians\n\n%-34s %9s %9s %10s %10s %8s %8s\n", ENVIRON["records"], ENVIRON["rounds"], "", "wall s", "CPU s", "rec/s", "rec/CPU s", "peak MB", "workers"
  row("sync", "end to end, first load")
  row("again", "sync --full of unchanged data")
  row("map", "map, file to file")
  row("limit", "the limit: C, libcurl, SQLite")
  row("node", "Node in the style of the old design")
  print ""
  goal("end to end / the limit, wall", ratio("sync", "limit", "wall_us"), 0.5, 1, "%.2f")
  printf "%-44s %.2f\n", "end to end / the limit, CPU", ratio("sync", "limit", "cpu_us")
  goal("end to end / Node, wall", ratio("sync", "node", "wall_us"), 5, 1, "%.1f")
  if (rate("node", "cpu_us")) printf "%-44s %.1f\n", "end to end / Node, CPU", ratio("sync", "node", "cpu_us")
  printf "%-44s %.1f\n", "unchanged / first load, wall", ratio("again", "sync", "wall_us")
  goal("peak of the core, MB", most("sync", "peak_kb") / 1024, 30, 0, "%.1f")
  goal("start-up (--version), ms", median("version", "wall_us") / 1000, 20, 0, "%.1f")
  printf "%-44s %.1f\n", "map of one record, ms", median("one", "wall_us") / 1000
  printf "%-44s %.1f + %.1f   (PSS %.1f + %.1f)\n", "idle, core + worker, MB", ENVIRON["idle_core"] / 1024, ENVIRON["idle_worker"] / 1024, ENVIRON["idle_pss"] / 1024, ENVIRON["idle_worker_pss"] / 1024
  split(ENVIRON["same"], equal, " ")
  if (ENVIRON["same"] != "-") printf "%-44s %d equal, %d different\n", "rows compared with those of Node", equal[1], equal[2]
  printf "JSON {\"records\":%d,\"rounds\":%d,\"dataBytes\":%d%s", ENVIRON["records"], ENVIRON["rounds"], ENVIRON["data_bytes"], json
  printf ",\"ratios\":{\"limitWall\":%.3f,\"limitCpu\":%.3f,\"nodeWall\":%.3f,\"nodeCpu\":%.3f,\"unchangedWall\":%.3f}", ratio("sync", "limit", "wall_us"), ratio("sync", "limit", "cpu_us"), ratio("sync", "node", "wall_us"), ratio("sync", "node", "cpu_us"), ratio("again", "sync", "wall_us")
  printf ",\"startMs\":%.2f,\"mapOneMs\":%.2f,\"idleKb\":{\"core\":%d,\"worker\":%d,\"corePss\":%d,\"workerPss\":%d}", median("version", "wall_us") / 1000, median("one", "wall_us") / 1000, ENVIRON["idle_core"], ENVIRON["idle_worker"], ENVIRON["idle_pss"], ENVIRON["idle_worker_pss"]
  printf ",\"rowsEqual\":%d,\"rowsDifferent\":%d}\n", equal[1], equal[2]
}
