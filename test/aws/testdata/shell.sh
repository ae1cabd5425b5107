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
  "opensearchserverless create-access-policy"* | "eks create-addon"* | "eks create-pod-identity-association"* | \
    "eks update-kubeconfig"*)
    if [[ $* == "eks update-kubeconfig"* ]]; then # a command of the CLI's own, which no service has
      command aws "$@" --dry-run > /dev/null
    else
      command aws "$@" --generate-cli-skeleton output > /dev/null
    fi
    ;;
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
