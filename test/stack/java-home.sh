#!/bin/sh
# Prints the home of a Java of at least the given major version: usage: java-home.sh 17
# Looks at JAVA_HOME, then java on PATH, then the places where Linux and macOS put JDKs, and takes the first that is new enough.
set -eu
least=${1:?"usage: java-home.sh MAJOR_VERSION"}
case $least in *[!0-9]*) echo "java-home.sh: $least is not a major version of Java" >&2; exit 2 ;; esac

# major HOME prints the major version that HOME's java tells, or nothing. `java -version` says 17.0.15, 25, or 1.8.0_392.
major() {
  [ -x "$1/bin/java" ] || return 0
  "$1/bin/java" -version 2>&1 | sed -n 's/.*version "\(1\.\)\{0,1\}\([0-9][0-9]*\).*/\2/p' | head -n 1
}

on_path=
if command -v java >/dev/null 2>&1; then
  # macOS has a java on PATH that is not a JDK and only asks for one; it prints no version and falls through.
  on_path=$(readlink -f "$(command -v java)" 2>/dev/null | sed 's,/bin/java$,,')
fi

seen=
for home in "${JAVA_HOME:-}" "$on_path" /usr/lib/jvm/* /Library/Java/JavaVirtualMachines/*/Contents/Home; do
  [ -n "$home" ] || continue
  version=$(major "$home")
  [ -n "$version" ] || continue
  if [ "$version" -ge "$least" ]; then
    echo "$home"
    exit 0
  fi
  seen="$seen $version ($home)"
done
echo "cannot find Java $least or newer (found:${seen:- none}): install a JDK, or set JAVA_HOME to one" >&2
exit 1
