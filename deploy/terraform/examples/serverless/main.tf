# Logs of an EKS cluster that exists, to an OpenSearch Serverless collection.

data "aws_eks_cluster" "this" {
  name = var.cluster_name
}

module "collection" {
  source = "../../modules/collection"

  name             = var.collection_name
  type             = var.collection_type
  retention        = var.retention
  standby_replicas = var.standby_replicas
  vpc_endpoint_ids = var.vpc_endpoint_ids
  writer_role_arn  = module.writer.role_arn
  admin_arns       = var.admin_arns
}

module "identity_provider" {
  source = "../../modules/identity-provider"

  issuer_url = data.aws_eks_cluster.this.identity[0].oidc[0].issuer
  create     = var.create_identity_provider
}

module "writer" {
  source = "../../modules/writer"

  name                  = "fluent-bit-${var.cluster_name}"
  identity_provider_arn = module.identity_provider.arn
  permissions           = "serverless"
  target_arn            = module.collection.arn
}
