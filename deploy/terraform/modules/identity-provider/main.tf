# The cluster's OIDC issuer as an identity provider of the account, by which IAM believes service account tokens (IRSA).

variable "issuer_url" {
  description = "The cluster's issuer: `aws eks describe-cluster --query cluster.identity.oidc.issuer`."
  type        = string

  validation {
    condition     = can(regex("^https://[^/]+(/.*[^/])?$", var.issuer_url))
    error_message = "issuer_url must begin with https:// and not end in a slash."
  }
}

variable "create" {
  description = "False: the account has it already, as eksctl's --with-oidc or another configuration made it."
  type        = bool
  default     = true
}

variable "tags" {
  description = "Tags for the provider."
  type        = map(string)
  default     = {}
}

# No thumbprint: for EKS's issuers AWS goes by its own list of certificate authorities.
resource "aws_iam_openid_connect_provider" "this" {
  count          = var.create ? 1 : 0
  url            = var.issuer_url
  client_id_list = ["sts.amazonaws.com"]
  tags           = var.tags
}

data "aws_iam_openid_connect_provider" "existing" {
  count = var.create ? 0 : 1
  url   = var.issuer_url

  lifecycle {
    postcondition {
      condition     = contains(self.client_id_list, "sts.amazonaws.com")
      error_message = "The identity provider lacks the audience sts.amazonaws.com: add it with `aws iam add-client-id-to-open-id-connect-provider`."
    }
  }
}

output "arn" {
  description = "ARN of the identity provider."
  value       = var.create ? aws_iam_openid_connect_provider.this[0].arn : data.aws_iam_openid_connect_provider.existing[0].arn
}
