variable "name" {
  description = "Name of the domain."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,27}$", var.name))
    error_message = "name must have 3 to 28 characters, begin with a lower-case letter and hold lower-case letters, digits and hyphens only."
  }
}

variable "engine_version" {
  description = "Version of OpenSearch."
  type        = string
  default     = "OpenSearch_2.19"

  validation {
    condition     = can(regex("^OpenSearch_[0-9]+\\.[0-9]+$", var.engine_version))
    error_message = "engine_version must read OpenSearch_X.Y; `aws opensearch list-versions` lists them."
  }
}

# Sizes

variable "instance_type" {
  description = "Type of the data nodes. Small types refuse requests over 10 MiB, and the t3 family knows no Auto-Tune."
  type        = string
  default     = "r6g.large.search"

  validation {
    condition     = can(regex("^[a-z0-9]+\\.[a-z0-9]+\\.search$", var.instance_type)) && !startswith(var.instance_type, "t2.")
    error_message = "instance_type must be one of OpenSearch Service's, such as r6g.large.search, and not of the t2 family, which cannot encrypt."
  }
}

variable "data_nodes" {
  description = "How many data nodes. With availability_zones above 1, a multiple of it."
  type        = number
  default     = 2

  validation {
    condition     = var.data_nodes >= 1 && floor(var.data_nodes) == var.data_nodes
    error_message = "data_nodes must be a whole number from 1."
  }
}

variable "availability_zones" {
  description = "Over how many availability zones the data nodes are spread."
  type        = number
  default     = 2

  validation {
    condition     = contains([1, 2, 3], var.availability_zones)
    error_message = "availability_zones must be 1, 2 or 3."
  }
}

variable "volume_gib" {
  description = "Disk of each data node, GiB of gp3."
  type        = number
  default     = 100

  validation {
    condition     = var.volume_gib >= 10 && var.volume_gib <= 24576
    error_message = "volume_gib must be from 10 to 24576; the instance type may allow less: `aws opensearch describe-instance-type-limits` tells."
  }
}

variable "dedicated_masters" {
  description = "Three nodes that hold the cluster's state and no data. Wanted from about ten data nodes, and for UltraWarm."
  type        = bool
  default     = false
}

variable "dedicated_master_type" {
  description = "Type of these nodes."
  type        = string
  default     = "m6g.large.search"
}

variable "warm_nodes" {
  description = "UltraWarm nodes for older indexes: none, or 2 and more."
  type        = number
  default     = 0

  validation {
    condition     = var.warm_nodes == 0 || var.warm_nodes >= 2
    error_message = "warm_nodes must be 0, or 2 and more."
  }
}

variable "warm_type" {
  description = "Type of the UltraWarm nodes."
  type        = string
  default     = "ultrawarm1.medium.search"

  validation {
    condition     = contains(["ultrawarm1.medium.search", "ultrawarm1.large.search"], var.warm_type)
    error_message = "warm_type must be ultrawarm1.medium.search or ultrawarm1.large.search."
  }
}

# Who may reach it

variable "subnet_ids" {
  description = "Subnets of the VPC that the domain lives in, one for each availability zone. None: the domain is reached from the internet."
  type        = list(string)
  default     = []
}

variable "vpc_id" {
  description = "That VPC."
  type        = string
  default     = null
}

variable "client_security_group_ids" {
  description = "Security groups that may reach a domain in a VPC: the cluster's, and those of people."
  type        = list(string)
  default     = []
}

variable "client_cidrs" {
  description = "Networks that people reach a domain outside a VPC from, for Dashboards and the bootstrap. Fluent Bit signs and needs no place here."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for c in var.client_cidrs : can(cidrhost(c, 0))])
    error_message = "client_cidrs must be networks such as 203.0.113.0/24."
  }
}

variable "client_subnet_cidrs" {
  description = "Networks that may reach a domain in a VPC: those of the subnets of nodes and pods, whatever security groups these have."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for c in var.client_subnet_cidrs : can(cidrhost(c, 0))])
    error_message = "client_subnet_cidrs must be networks such as 10.0.64.0/18."
  }
}

variable "create_service_linked_role" {
  description = "Make AWSServiceRoleForAmazonOpenSearchService, which the first domain in a VPC needs. Null: if the account has it not. Looking asks for iam:ListRoles and iam:GetRole."
  type        = bool
  default     = null
}

variable "saml" {
  description = "Single sign-on for Dashboards: entity_id and metadata (XML) of the identity provider. The provider is told of the domain's address afterwards."
  type = object({
    entity_id               = string
    metadata                = string
    subject_key             = optional(string)
    roles_key               = optional(string)
    master_backend_role     = optional(string)
    session_timeout_minutes = optional(number)
  })
  default = null
}

variable "cognito" {
  description = "Sign-on for Dashboards by Amazon Cognito: the pools, and the role by which OpenSearch Service reaches them (AmazonOpenSearchServiceCognitoAccess)."
  type = object({
    user_pool_id     = string
    identity_pool_id = string
    role_arn         = string
  })
  default = null
}

variable "master_user_name" {
  description = "Name of the master user in the domain's own database. People then log into Dashboards with a password."
  type        = string
  default     = null
}

variable "master_user_password" {
  description = "Its password. It ends up in Terraform's state: keep the state encrypted, and change the password in Dashboards afterwards."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition = var.master_user_password == null ? true : (
      length(var.master_user_password) >= 8 && can(regex("[A-Z]", var.master_user_password)) && can(regex("[a-z]", var.master_user_password)) &&
      can(regex("[0-9]", var.master_user_password)) && can(regex("[^A-Za-z0-9]", var.master_user_password))
    )
    error_message = "master_user_password must have 8 characters and more, with an upper-case letter, a lower-case letter, a digit and a special character."
  }
}

variable "master_user_arn" {
  description = "IAM role or user that is the master user, where there is no master_user_name. Null: whoever applies this."
  type        = string
  default     = null
}

# Upkeep

variable "kms_key_id" {
  description = "KMS key that encrypts the data. Null: the service's own."
  type        = string
  default     = null
}

variable "off_peak_hour" {
  description = "Hour (UTC) from which the service may work on the domain, for ten hours."
  type        = number
  default     = 22

  validation {
    condition     = var.off_peak_hour >= 0 && var.off_peak_hour <= 23 && floor(var.off_peak_hour) == var.off_peak_hour
    error_message = "off_peak_hour must be a whole number from 0 to 23."
  }
}

variable "auto_tune" {
  description = "Let the service tune memory and queues."
  type        = bool
  default     = true
}

variable "published_logs" {
  description = "Logs of the domain itself that go to CloudWatch."
  type        = set(string)
  default     = ["ES_APPLICATION_LOGS"]

  validation {
    condition = length(setsubtract(var.published_logs,
    ["INDEX_SLOW_LOGS", "SEARCH_SLOW_LOGS", "ES_APPLICATION_LOGS", "AUDIT_LOGS"])) == 0
    error_message = "published_logs may hold INDEX_SLOW_LOGS, SEARCH_SLOW_LOGS, ES_APPLICATION_LOGS and AUDIT_LOGS."
  }
}

variable "log_retention_days" {
  description = "How long CloudWatch keeps them."
  type        = number
  default     = 30
}

variable "tags" {
  description = "Tags for everything here."
  type        = map(string)
  default     = {}
}
