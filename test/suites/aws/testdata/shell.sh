# shellcheck shell=bash
# The shell that the walk-through's blocks are run in. aws is the real one, with moto behind it; what else would leave this machine,
# or wait, is written down instead.
set -euo pipefail

# What moto has not got is still parsed by the CLI and checked against the service's model: the skeleton of an output comes only for
# valid parameters. A cluster in moto has no network.
aws() {
  printf '%s\n' "$*" >> "$CALLS"
  case "$*" in
  *"cluster.resourcesVpcConfig.vpcId"*) command aws ec2 describe-vpcs --query "Vpcs[0].VpcId" --output text ;;
  *"cluster.resourcesVpcConfig.clusterSecurityGroupId"*) command aws ec2 describe-security-groups --query "SecurityGroups[0].GroupId" --output text ;;
  "opensearchserverless create-security-policy --type encryption"*) # moto wants a key by name; the policy as it is, is in CALLS
    command aws "${@/\"AWSOwnedKey\": true/\"AWSOwnedKey\": false, \"KmsARN\": \"auto\"}"
    ;;
  "opensearchserverless create-access-policy"* | "opensearchserverless create-lifecycle-policy"*) # the CLI's own skeleton of this output is not valid: get as far as moto's 5xx
    local said
    said=$(AWS_MAX_ATTEMPTS=1 command aws "$@" 2>&1) && return
    [[ $said == *"An error occurred (5"* || $said == *"NotImplemented"* ]] || { echo "$said" >&2; return 1; }
    ;;
  "eks create-addon"* | "eks create-pod-identity-association"*) command aws "$@" --generate-cli-skeleton output > /dev/null ;;
  "eks update-kubeconfig"*) command aws "$@" --dry-run > /dev/null ;;
  *) command aws "$@" ;;
  esac
}

# In moto everything is there at once: who waits for long waits for what never comes.
waits=0
sleep() {
  waits=$((waits + 1))
  if [ $waits -gt 3 ]; then
    echo "still waiting after $waits looks" >&2
    exit 1
  fi
}
note() { printf '%s\n' "$*" >> "$CALLS"; }
kubectl() { note kubectl "$@"; }
go() { note go "$@" "by $OPENSEARCH_USERNAME to $OPENSEARCH_ENDPOINT for $FLUENT_BIT_ROLE_ARN"; }
curl() {
  note curl "$@"
  local given
  for given in "$@"; do
    if [[ $given == @* ]]; then cat "${given#@}" > "$WORK/sent-$(basename "${given#@}")"; fi
  done
}
