# From an empty account: a cluster, a domain in its VPC, and the role by which Fluent Bit's pods write to it.

module "domain" {
  source = "../../modules/domain"

  name                       = var.name
  instance_type              = var.instance_type
  data_nodes                 = var.data_nodes
  availability_zones         = 2
  volume_gib                 = var.volume_gib
  vpc_id                     = aws_vpc.this.id
  subnet_ids                 = aws_subnet.private[*].id
  client_subnet_cidrs        = aws_subnet.private[*].cidr_block
  client_security_group_ids  = [aws_eks_cluster.this.vpc_config[0].cluster_security_group_id]
  master_user_arn            = var.master_user_name == null ? module.bootstrap[0].role_arn : null
  master_user_name           = var.master_user_name
  master_user_password       = var.master_user_password
  create_service_linked_role = var.create_service_linked_role
  saml                       = var.saml
  cognito                    = var.cognito
}

module "identity_provider" {
  source = "../../modules/identity-provider"

  issuer_url = aws_eks_cluster.this.identity[0].oidc[0].issuer
}

module "writer" {
  source = "../../modules/writer"

  name                  = "fluent-bit-${var.name}"
  identity_provider_arn = module.identity_provider.arn
  target_arn            = module.domain.arn
}

# The domain's master user, where that is no name with a password: the role of the Job that opensearch-irsa-bootstrap runs as.
module "bootstrap" {
  source = "../../modules/writer"
  count  = var.master_user_name == null ? 1 : 0

  name                  = "opensearch-bootstrap-${var.name}"
  service_account       = "opensearch-irsa-bootstrap"
  identity_provider_arn = module.identity_provider.arn
  permissions           = "full"
  target_arn            = module.domain.arn
}
