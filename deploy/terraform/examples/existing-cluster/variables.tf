variable "region" {
  description = "Region of cluster and domain."
  type        = string
}

variable "cluster_name" {
  description = "The EKS cluster."
  type        = string
}

variable "identity" {
  description = "How Fluent Bit's pods get their role: irsa, or pod-identity."
  type        = string
  default     = "irsa"
}

variable "namespace" {
  description = "Namespace of Fluent Bit."
  type        = string
  default     = "logging"
}

variable "service_account" {
  description = "Its service account: the overlay existing-daemonset and other people's charts have one of another name, such as aws-for-fluent-bit."
  type        = string
  default     = "opensearch-irsa"
}

variable "create_identity_provider" {
  description = "For irsa: false where the account has the cluster's OIDC provider already (`aws iam list-open-id-connect-providers`)."
  type        = bool
  default     = true
}

variable "install_pod_identity_agent" {
  description = "For pod-identity: false where the add-on eks-pod-identity-agent is there already, as it is with EKS Auto Mode."
  type        = bool
  default     = true
}

variable "create_domain" {
  description = "False: the domain is there already."
  type        = bool
  default     = true
}

variable "domain_name" {
  description = "The domain, new or not."
  type        = string
  default     = "logs"
}

variable "permissions" {
  description = "least-privilege (bulk requests only) or full (es:ESHttp*)."
  type        = string
  default     = "least-privilege"
}

variable "index_name" {
  description = "What the indexes begin with: INDEX_NAME of the DaemonSet."
  type        = string
  default     = "eks-log"
}

# A new domain

variable "subnet_ids" {
  description = "Subnets of the cluster's VPC for the domain, one for each availability zone. None: it is reached from the internet."
  type        = list(string)
  default     = []
}

variable "client_cidrs" {
  description = "Networks that people reach a domain on the internet from."
  type        = list(string)
  default     = []
}

variable "node_subnet_ids" {
  description = "Subnets of nodes and pods, which reach a domain in the VPC. None: the cluster's own. Name them where Karpenter or custom networking takes others."
  type        = list(string)
  default     = []
}

variable "client_security_group_ids" {
  description = "Security groups of people and bastions that reach a domain in the VPC. The cluster's own and its subnets may always."
  type        = list(string)
  default     = []
}

variable "master_user_name" {
  description = "Master user of a new domain, with a password, who logs into Dashboards at once. Null: it is a role, and people need saml or cognito."
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
  description = "Type of the data nodes."
  type        = string
  default     = "r6g.large.search"
}

variable "data_nodes" {
  description = "How many."
  type        = number
  default     = 2
}

variable "availability_zones" {
  description = "Over how many availability zones."
  type        = number
  default     = 2
}

variable "volume_gib" {
  description = "Disk of each."
  type        = number
  default     = 100
}

variable "bootstrap_by_job" {
  description = "Without master_user_name: true makes the role of the Job opensearch-irsa-bootstrap the master user, false whoever applies this. Null: the Job for a domain in the VPC."
  type        = bool
  default     = null
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

variable "tags" {
  description = "Tags for everything."
  type        = map(string)
  default     = {}
}
