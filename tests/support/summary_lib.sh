# shellcheck shell=bash disable=SC2154
# Sourced: what a run with --json, whose output is $W/out, said in the end.

# summary MEMBER: its value in the last line; by the shell alone, as thousands of runs are asked.
summary() {
  local lines
  mapfile -t lines <"$W/out"
  if [[ ${lines[*]: -1} =~ .*\"$1\":\"?([^,\"}]*) ]]; then printf '%s\n' "${BASH_REMATCH[1]}"; fi
}
