variable "name" {
  description = "Name of the role and of its policy."
  type        = string
  default     = "fluent-bit"
}

variable "identity" {
  description = "How the pod gets the role: irsa, or pod-identity."
  type        = string
  default     = "irsa"

  validation {
    condition     = contains(["irsa", "pod-identity"], var.identity)
    error_message = "identity must be irsa or pod-identity."
  }
}

variable "identity_provider_arn" {
  description = "For irsa: ARN of the cluster's identity provider."
  type        = string
  default     = null
}

variable "cluster_name" {
  description = "For pod-identity: the cluster."
  type        = string
  default     = null
}

variable "cluster_arn" {
  description = "For pod-identity: its ARN."
  type        = string
  default     = null
}

variable "namespace" {
  description = "Namespace of the service account."
  type        = string
  default     = "logging"
}

variable "service_account" {
  description = "The only service account that may take on the role."
  type        = string
  default     = "opensearch-irsa"
}

variable "permissions" {
  description = "What the role may do: least-privilege (bulk requests) or full (es:ESHttp*) on a domain, serverless on a collection, assume-role on a role of the domain's account."
  type        = string
  default     = "least-privilege"

  validation {
    condition     = contains(["least-privilege", "full", "serverless", "assume-role"], var.permissions)
    error_message = "permissions must be least-privilege, full, serverless or assume-role."
  }
}

variable "target_arn" {
  description = "ARN of the domain, the collection or the role that permissions speaks of."
  type        = string

  validation {
    condition     = can(regex("^arn:[^:]+:(es:.*:domain/[^/]+|aoss:.*:collection/.+|iam::.*:role/.+)$", var.target_arn))
    error_message = "target_arn must be the ARN of a domain, a collection or a role, without /* behind it."
  }
}

variable "permissions_boundary" {
  description = "ARN of a permissions boundary, where the account asks for one."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags for policy and role."
  type        = map(string)
  default     = {}
}
