# Logs of an EKS cluster that exists, to a domain that exists or is made here.

data "aws_eks_cluster" "this" {
  name = var.cluster_name
}

# The subnets whose nodes and pods reach a domain in the VPC.
data "aws_subnet" "nodes" {
  for_each = length(var.subnet_ids) > 0 ? toset(coalescelist(var.node_subnet_ids, tolist(data.aws_eks_cluster.this.vpc_config[0].subnet_ids))) : []
  id       = each.value
}

locals {
  # Who the master user is: a name with a password; else the role of the bootstrap's Job, where only the cluster reaches the domain; else
  # whoever applies this, who then runs make bootstrap.
  by_job = var.create_domain && var.master_user_name == null && coalesce(var.bootstrap_by_job, length(var.subnet_ids) > 0)
}

module "domain" {
  source = "../../modules/domain"
  count  = var.create_domain ? 1 : 0

  name                       = var.domain_name
  instance_type              = var.instance_type
  data_nodes                 = var.data_nodes
  availability_zones         = var.availability_zones
  volume_gib                 = var.volume_gib
  client_cidrs               = var.client_cidrs
  subnet_ids                 = var.subnet_ids
  vpc_id                     = data.aws_eks_cluster.this.vpc_config[0].vpc_id
  client_security_group_ids  = concat([data.aws_eks_cluster.this.vpc_config[0].cluster_security_group_id], var.client_security_group_ids)
  client_subnet_cidrs        = [for subnet in data.aws_subnet.nodes : subnet.cidr_block]
  master_user_arn            = local.by_job ? module.bootstrap[0].role_arn : null
  master_user_name           = var.master_user_name
  master_user_password       = var.master_user_password
  create_service_linked_role = var.create_service_linked_role
  saml                       = var.saml
  cognito                    = var.cognito
}

data "aws_opensearch_domain" "existing" {
  count       = var.create_domain ? 0 : 1
  domain_name = var.domain_name
}

module "identity_provider" {
  source = "../../modules/identity-provider"
  count  = var.identity == "irsa" ? 1 : 0

  issuer_url = data.aws_eks_cluster.this.identity[0].oidc[0].issuer
  create     = var.create_identity_provider
}

resource "aws_eks_addon" "pod_identity_agent" {
  count = var.identity == "pod-identity" && var.install_pod_identity_agent ? 1 : 0

  cluster_name = var.cluster_name
  addon_name   = "eks-pod-identity-agent"
}

module "writer" {
  source = "../../modules/writer"

  name                  = "fluent-bit-${var.cluster_name}"
  namespace             = var.namespace
  service_account       = var.service_account
  identity              = var.identity
  identity_provider_arn = one(module.identity_provider[*].arn)
  cluster_name          = var.cluster_name
  cluster_arn           = data.aws_eks_cluster.this.arn
  permissions           = var.permissions
  target_arn            = var.create_domain ? module.domain[0].arn : data.aws_opensearch_domain.existing[0].arn
}

# The role of the Job that opensearch-irsa-bootstrap runs as.
module "bootstrap" {
  source = "../../modules/writer"
  count  = local.by_job ? 1 : 0

  name                  = "opensearch-bootstrap-${var.cluster_name}"
  namespace             = var.namespace
  service_account       = "opensearch-irsa-bootstrap"
  identity              = var.identity
  identity_provider_arn = one(module.identity_provider[*].arn)
  cluster_name          = var.cluster_name
  cluster_arn           = data.aws_eks_cluster.this.arn
  permissions           = "full"
  target_arn            = module.domain[0].arn
}
