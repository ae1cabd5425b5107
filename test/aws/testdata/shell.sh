# The shell that the walk-through's blocks are run in. aws is the real one, with moto behind it; what else would leave this machine,
# or wait, is written down instead.
set -euo pipefail

# What moto has not got is still parsed by the CLI and checked against the service's model: the skeleton of an output comes only for
# valid parameters. A domain in moto has no more than one address, and a cluster no network.
aws() {
  printf '%s\n' "$*" >> "$CALLS"
  case "$*" in
  *"cluster.resourcesVpcConfig.vpcId"*) command aws ec2 describe-vpcs --query "Vpcs[0].VpcId" --output text ;;
  *"cluster.resourcesVpcConfig.clusterSecurityGroupId"*) command aws ec2 describe-security-groups --query "SecurityGroups[0].GroupId" --output text ;;
  *"DomainStatus.Endpoints.vpc"*) command aws "${@/DomainStatus.Endpoints.vpc/DomainStatus.Endpoint}" ;;
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

sleep() { :; }
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
