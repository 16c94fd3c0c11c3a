#!/usr/bin/env bash
# Style and house rules. Prints what is wrong and fails if anything is.
#
#   Scripts/lint.sh            everything
#   Scripts/lint.sh --rules    the house rules alone, which take no time
set -euo pipefail
cd "$(dirname "$0")/.."

failed=0
complain() {
  echo "lint: $1"
  failed=1
}

# A rule over ops or dtypes must be exhaustive, so that a new case makes the compiler list what is missing. `default:`
# and `case _:` would hide it. These files switch over characters and numbers only, which have no end:
allowed_defaults='
Sources/BloxIR/Text/Cursor.swift
Sources/BloxIR/Text/Printer.swift
Sources/BloxIR/Text/Spelling.swift
'
while IFS= read -r match; do
  file=${match%%:*}
  if ! grep -qxF "$file" <<<"$allowed_defaults"; then complain "no default over ops or dtypes: $match"; fi
done < <(grep -rnE '^[[:space:]]*(@unknown )?(default|case _):' \
  Sources/BloxIR Sources/BloxPasses Sources/BloxRuntime --include='*.swift' || true)

# Foundation costs start-up time, and ties the compiler to it.
while IFS= read -r match; do
  complain "no Foundation in the compiler's modules: $match"
done < <(grep -rnE '^[[:space:]]*(public |package |internal |@_exported )*import Foundation' \
  Sources/BloxIR Sources/BloxPasses Sources/BloxRuntime Sources/BloxTrace --include='*.swift' || true)

# Unsafe shortcuts around the concurrency checker are for the few places that say why.
while IFS= read -r match; do
  complain "no nonisolated(unsafe): $match"
done < <(grep -rn 'nonisolated(unsafe)' Sources Examples --include='*.swift' || true)

while IFS= read -r match; do
  complain "unfinished: $match"
done < <(grep -rnE '\b(TODO|FIXME|XXX)\b' Sources Examples Tests Scripts Package.swift \
  --include='*.swift' --include='*.c' --include='*.h' || true)

if [ "${1:-}" != "--rules" ]; then
  swift format lint --strict --recursive --parallel Sources Tests Examples Benchmarks Package.swift || failed=1
fi

if [ "$failed" = 0 ]; then echo "lint: ok"; fi
exit "$failed"
