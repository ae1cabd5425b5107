# The role that Fluent Bit's pods have. Both policies are deploy/iam's own files.

locals {
  policies = "${path.module}/../../../iam"

  permissions = {
    least-privilege = { file = "policy-least-privilege.json", placeholder = "OPENSEARCH_ARN" }
    full            = { file = "policy.json", placeholder = "OPENSEARCH_ARN" }
    serverless      = { file = "policy-serverless.json", placeholder = "COLLECTION_ARN" }
    assume-role     = { file = "policy-assume-role.json", placeholder = "WRITER_ROLE_ARN" }
  }[var.permissions]

  irsa     = var.identity == "irsa"
  provider = local.irsa ? try(split("oidc-provider/", var.identity_provider_arn)[1], "") : ""

  trust = local.irsa ? templatefile("${local.policies}/trust-policy.json", {
    IDENTITY_PROVIDER_ARN = coalesce(var.identity_provider_arn, "none")
    IDENTITY_PROVIDER     = local.provider
    NAMESPACE             = var.namespace
    SERVICE_ACCOUNT       = var.service_account
    }) : templatefile("${local.policies}/trust-policy-pod-identity.json", {
    CLUSTER_ARN     = coalesce(var.cluster_arn, "none")
    NAMESPACE       = var.namespace
    SERVICE_ACCOUNT = var.service_account
  })
}

resource "aws_iam_policy" "this" {
  name        = var.name
  description = "Fluent Bit sends logs to ${var.target_arn}"
  policy      = templatefile("${local.policies}/${local.permissions.file}", { (local.permissions.placeholder) = var.target_arn })
  tags        = var.tags
}

resource "aws_iam_role" "this" {
  name                 = var.name
  description          = "Fluent Bit in ${var.namespace}, by ${local.irsa ? "IRSA" : "EKS Pod Identity"}"
  assume_role_policy   = local.trust
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

  lifecycle {
    precondition {
      condition     = local.irsa ? local.provider != "" : var.cluster_arn != null && var.cluster_name != null
      error_message = "irsa needs identity_provider_arn (arn:aws:iam::…:oidc-provider/…); pod-identity needs cluster_name and cluster_arn."
    }
  }
}

resource "aws_iam_role_policy_attachment" "this" {
  role       = aws_iam_role.this.name
  policy_arn = aws_iam_policy.this.arn
}

resource "aws_eks_pod_identity_association" "this" {
  count           = local.irsa ? 0 : 1
  cluster_name    = var.cluster_name
  namespace       = var.namespace
  service_account = var.service_account
  role_arn        = aws_iam_role.this.arn
  tags            = var.tags
}
