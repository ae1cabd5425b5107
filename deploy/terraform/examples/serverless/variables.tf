variable "region" {
  description = "Region of cluster and collection."
  type        = string
}

variable "cluster_name" {
  description = "The EKS cluster."
  type        = string
}

variable "create_identity_provider" {
  description = "False where the account has the cluster's OIDC provider already (`aws iam list-open-id-connect-providers`)."
  type        = bool
  default     = true
}

variable "collection_name" {
  description = "The collection."
  type        = string
  default     = "logs"
}

variable "collection_type" {
  description = "TIMESERIES, which deletes by age, or SEARCH, which takes the plugin's ids and keeps everything."
  type        = string
  default     = "TIMESERIES"
}

variable "retention" {
  description = "How long a time-series collection keeps data."
  type        = string
  default     = "30d"
}

variable "standby_replicas" {
  description = "Keep a second copy in another availability zone."
  type        = bool
  default     = true
}

variable "vpc_endpoint_ids" {
  description = "OpenSearch Serverless VPC endpoints that the collection is reached through. None: from the internet."
  type        = list(string)
  default     = []
}

variable "admin_arns" {
  description = "Roles and users that set the collection up and read it in Dashboards. None: whoever applies this."
  type        = list(string)
  default     = []
}

variable "index_name" {
  description = "What the indexes begin with: INDEX_NAME of the DaemonSet. The data access policy allows eks-log*."
  type        = string
  default     = "eks-log"

  validation {
    condition     = startswith(var.index_name, "eks-log")
    error_message = "index_name must begin with eks-log: deploy/iam/serverless-data-access.json lets Fluent Bit write to eks-log* only."
  }
}

variable "tags" {
  description = "Tags for everything."
  type        = map(string)
  default     = {}
}
