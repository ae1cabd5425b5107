# An OpenSearch Serverless collection for logs, with the three policies that it needs. All are deploy/iam's own files.

data "aws_caller_identity" "current" {}

data "aws_iam_session_context" "current" {
  arn = data.aws_caller_identity.current.arn
}

locals {
  policies   = "${path.module}/../../../iam"
  names      = { COLLECTION_NAME = var.name }
  encryption = jsondecode(templatefile("${local.policies}/serverless-encryption.json", local.names))
  network    = jsondecode(templatefile("${local.policies}/serverless-network.json", local.names))
  admins     = length(var.admin_arns) > 0 ? var.admin_arns : [data.aws_iam_session_context.current.issuer_arn]

  data_access = jsondecode(replace(
    replace(replace(file("${local.policies}/serverless-data-access.json"), "$${COLLECTION_NAME}", var.name), "$${ROLE_ARN}", var.writer_role_arn),
    "\"$${ADMIN_ARN}\"", trim(jsonencode(local.admins), "[]")
  ))
}

resource "aws_opensearchserverless_collection" "this" {
  name             = var.name
  type             = var.type
  standby_replicas = var.standby_replicas ? "ENABLED" : "DISABLED"
  tags             = var.tags

  # A collection cannot be made before its encryption policy is.
  depends_on = [aws_opensearchserverless_security_policy.encryption]
}

resource "aws_opensearchserverless_security_policy" "encryption" {
  name = var.name
  type = "encryption"
  policy = var.kms_key_arn == null ? jsonencode(local.encryption) : jsonencode(merge(
    local.encryption, { AWSOwnedKey = false, KmsARN = var.kms_key_arn }
  ))
}

resource "aws_opensearchserverless_security_policy" "network" {
  name = var.name
  type = "network"
  policy = length(var.vpc_endpoint_ids) == 0 ? jsonencode(local.network) : jsonencode([for rule in local.network : merge(
    rule, { Description = "Reached through VPC endpoints", AllowFromPublic = false, SourceVPCEs = var.vpc_endpoint_ids }
  )])
}

resource "aws_opensearchserverless_access_policy" "this" {
  name   = var.name
  type   = "data"
  policy = jsonencode(local.data_access)
}
