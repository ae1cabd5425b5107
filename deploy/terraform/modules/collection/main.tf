# An OpenSearch Serverless collection for logs, with the three policies that it needs. All are deploy/iam's own files.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

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

# Data goes by age. Only time-series collections do that: in one of type SEARCH indexes stay until somebody deletes them.
resource "aws_opensearchserverless_lifecycle_policy" "this" {
  count  = var.type == "TIMESERIES" ? 1 : 0
  name   = var.name
  type   = "retention"
  policy = templatefile("${local.policies}/serverless-lifecycle.json", merge(local.names, { RETENTION = var.retention }))
}

# For the roles of people, besides the data access policy: without it Dashboards refuses to log them in.
resource "aws_iam_policy" "people" {
  name        = "${var.name}-dashboards"
  description = "Open Dashboards of the collection ${var.name}"
  tags        = var.tags
  policy = templatefile("${local.policies}/policy-serverless-people.json", {
    COLLECTION_ARN = aws_opensearchserverless_collection.this.arn
    DASHBOARDS_ARN = "arn:${data.aws_partition.current.partition}:aoss:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:dashboards/default"
  })
}

resource "aws_opensearchserverless_access_policy" "this" {
  name   = var.name
  type   = "data"
  policy = jsonencode(local.data_access)
}
