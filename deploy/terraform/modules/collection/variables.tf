variable "name" {
  description = "Name of the collection."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,27}$", var.name))
    error_message = "name must have 3 to 28 characters, begin with a lower-case letter and hold lower-case letters, digits and hyphens only."
  }
}

variable "type" {
  description = "TIMESERIES deletes by age, and makes its own ids: a request whose answer was lost may be stored twice. SEARCH takes the plugin's ids, and nothing deletes old indexes there."
  type        = string
  default     = "TIMESERIES"

  validation {
    condition     = contains(["TIMESERIES", "SEARCH"], var.type)
    error_message = "type must be TIMESERIES or SEARCH."
  }
}

variable "retention" {
  description = "How long a time-series collection keeps data: 24h to 3650d."
  type        = string
  default     = "30d"

  validation {
    condition     = can(regex("^[1-9][0-9]*[hd]$", var.retention))
    error_message = "retention must be a number of hours or days, such as 30d."
  }
}

variable "standby_replicas" {
  description = "Keep a second copy in another availability zone. It doubles the least capacity that is paid for."
  type        = bool
  default     = true
}

variable "vpc_endpoint_ids" {
  description = "OpenSearch Serverless VPC endpoints that the collection is reached through. None: from the internet."
  type        = list(string)
  default     = []
}

variable "writer_role_arn" {
  description = "Role of Fluent Bit's pods."
  type        = string
}

variable "admin_arns" {
  description = "Roles and users that set the collection up and read it in Dashboards. None: whoever applies this."
  type        = list(string)
  default     = []
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the data. Null: the service's own."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags for the collection."
  type        = map(string)
  default     = {}
}
