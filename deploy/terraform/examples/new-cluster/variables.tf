variable "region" {
  description = "Region of everything."
  type        = string
}

variable "name" {
  description = "Name of the cluster, its VPC and the domain."
  type        = string
  default     = "shop"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,27}$", var.name))
    error_message = "name must have 3 to 28 characters, begin with a lower-case letter and hold lower-case letters, digits and hyphens only."
  }
}

variable "kubernetes_version" {
  description = "Version of Kubernetes. Null: EKS's newest."
  type        = string
  default     = null
}

variable "vpc_cidr" {
  description = "Network of the VPC: a /16 to /20, which is cut into four."
  type        = string
  default     = "10.0.0.0/16"

  validation {
    condition     = can(cidrsubnet(var.vpc_cidr, 2, 3))
    error_message = "vpc_cidr must be an IPv4 network such as 10.0.0.0/16."
  }
}

variable "api_cidrs" {
  description = "Networks that people reach the cluster's API from."
  type        = list(string)

  validation {
    condition     = length(var.api_cidrs) > 0 && alltrue([for c in var.api_cidrs : can(cidrhost(c, 0))])
    error_message = "api_cidrs must be networks such as 203.0.113.0/24."
  }
}

variable "node_type" {
  description = "Type of the cluster's nodes."
  type        = string
  default     = "m6i.large"
}

variable "nodes" {
  description = "How many."
  type        = number
  default     = 2
}

variable "master_user_name" {
  description = "The domain's master user, with a password, who logs into Dashboards at once. Null: the role of the Job opensearch-irsa-bootstrap, and people need saml or cognito."
  type        = string
  default     = null
}

variable "master_user_password" {
  description = "Its password: TF_VAR_master_user_password keeps it out of files."
  type        = string
  default     = null
  sensitive   = true
}

variable "instance_type" {
  description = "Type of the domain's data nodes."
  type        = string
  default     = "r6g.large.search"
}

variable "data_nodes" {
  description = "How many: a multiple of two, the availability zones."
  type        = number
  default     = 2
}

variable "volume_gib" {
  description = "Disk of each."
  type        = number
  default     = 100
}

variable "saml" {
  description = "Single sign-on for Dashboards: see modules/domain."
  type        = any
  default     = null
}

variable "cognito" {
  description = "Sign-on for Dashboards by Amazon Cognito: see modules/domain."
  type        = any
  default     = null
}

variable "create_service_linked_role" {
  description = "The role that the account's first domain in a VPC needs. Null: it is made if it is missing."
  type        = bool
  default     = null
}

variable "index_name" {
  description = "What the indexes begin with: INDEX_NAME of the DaemonSet."
  type        = string
  default     = "eks-log"
}

variable "tags" {
  description = "Tags for everything."
  type        = map(string)
  default     = {}
}
