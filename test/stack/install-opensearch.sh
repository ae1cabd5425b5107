#!/bin/sh
# Puts OpenSearch VERSION with its security plugin into CACHE_DIR/opensearch-VERSION, from Maven Central through mvn.
# usage: install-opensearch.sh VERSION CACHE_DIR
# Nothing is done when it is already there. What is there is complete: it is made in a directory beside it and renamed.
set -eu
unset OPENSEARCH_HOME OPENSEARCH_PATH_CONF # a caller that exports them means the one to be made, not the one to be asked
version=${1:?"usage: install-opensearch.sh VERSION CACHE_DIR"}
cache=${2:?"usage: install-opensearch.sh VERSION CACHE_DIR"}
here=$(cd "$(dirname "$0")" && pwd)
home=$cache/opensearch-$version
[ ! -d "$home" ] || exit 0

began=$(date +%s)
say() { echo "opensearch $version: $* ($(($(date +%s) - began)) s)"; }
fail() { echo "install-opensearch.sh: $*" >&2; exit 1; }

server=opensearch-$version.zip
security=opensearch-security-$version.0.zip
for file in "$server" "$security"; do
  grep -q "  $file\$" "$here/checksums.txt" || fail "no checksum for $file: get it once with mvn dependency:copy, check where it \
came from, and add the line that sha256sum prints for it to test/stack/checksums.txt"
done
case $version in
  1.* | 2.*) java=17 ;;
  *) java=21 ;;
esac
OPENSEARCH_JAVA_HOME=$(sh "$here/java-home.sh" "$java")
export OPENSEARCH_JAVA_HOME
for tool in mvn unzip sha256sum; do
  command -v "$tool" >/dev/null 2>&1 || fail "cannot find $tool on PATH: install it"
done
plugin_version=$(sed -n 's/^MAVEN_DEPENDENCY_PLUGIN_VERSION ?= //p' "$here/../../versions.mk")
[ -n "$plugin_version" ] || fail "cannot read MAVEN_DEPENDENCY_PLUGIN_VERSION in versions.mk"

mkdir -p "$cache"
work=$(mktemp -d "$cache/installing.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$work" # a test that runs as root starts the server as somebody else, who has to read it

# fetch ARTIFACT FILE copies one artifact out of the repository and refuses it if it is not the pinned one.
fetch() {
  say "getting $2"
  mvn --batch-mode --quiet "org.apache.maven.plugins:maven-dependency-plugin:$plugin_version:copy" \
    "-Dartifact=$1" "-DoutputDirectory=$work" >"$work/mvn.log" 2>&1 || { cat "$work/mvn.log" >&2; fail "mvn cannot get $1"; }
  (cd "$work" && grep "  $2\$" "$here/checksums.txt" | sha256sum --check --status) ||
    fail "$2 is not the file that test/stack/checksums.txt names: got sha256 $(sha256sum <"$work/$2" | cut -d ' ' -f 1)"
}
fetch "org.opensearch.distribution.integ-test-zip:opensearch:$version:zip" "$server"
fetch "org.opensearch.plugin:opensearch-security:$version.0:zip" "$security"

say "unpacking"
unzip -q "$work/$server" -d "$work"

# From 3.4 on, the security plugin demands the module rule-framework, to which it offers an extension and from which it gets one
# library. The distribution on Maven Central does not have that module and nobody publishes it by itself. So that one demand is
# taken out of the descriptor and the library put in.
collections=commons-collections4-4.4.jar
if unzip -p "$work/$security" plugin-descriptor.properties | grep -q '^extended.plugins=.*,rule-framework$' &&
  [ ! -d "$work/opensearch-$version/modules/rule-framework" ]; then
  [ -x "$OPENSEARCH_JAVA_HOME/bin/jar" ] || fail "cannot find jar in $OPENSEARCH_JAVA_HOME/bin: install a whole JDK $java or newer"
  fetch org.apache.commons:commons-collections4:4.4:jar "$collections"
  unzip -p "$work/$security" plugin-descriptor.properties | sed 's/,rule-framework$//' >"$work/plugin-descriptor.properties"
  "$OPENSEARCH_JAVA_HOME/bin/jar" --update --no-manifest --file "$work/$security" -C "$work" plugin-descriptor.properties -C "$work" "$collections"
  say "the security plugin does without rule-framework"
fi
say "installing the security plugin"
"$work/opensearch-$version/bin/opensearch-plugin" install --batch --silent "file://$work/$security" >"$work/plugin.log" 2>&1 ||
  { cat "$work/plugin.log" >&2; fail "cannot install the security plugin"; }
chmod -R a+rX "$work/opensearch-$version"

# Another install may have finished in the meantime; its result is as good as ours.
[ -d "$home" ] || mv "$work/opensearch-$version" "$home"
say "ready in $home"
