# An OpenSearch Service domain for logs: encrypted at rest, between nodes and on the way, with fine-grained access control.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

# The master user must be a role, and not one session of it.
data "aws_iam_session_context" "current" {
  arn = data.aws_caller_identity.current.arn
}

locals {
  account    = data.aws_caller_identity.current.account_id
  arn        = "arn:${data.aws_partition.current.partition}:es:${data.aws_region.current.id}:${local.account}:domain/${var.name}"
  in_vpc     = length(var.subnet_ids) > 0
  by_name    = var.master_user_name != null
  policies   = "${path.module}/../../../iam"
  log_prefix = "/aws/opensearch/domains/${var.name}"

  access_policy = local.in_vpc ? file("${local.policies}/domain-access-policy-vpc.json") : replace(
    file("${local.policies}/domain-access-policy.json"), "\"$${CLIENT_CIDR}\"", jsonencode(var.client_cidrs)
  )
}

resource "aws_opensearch_domain" "this" {
  domain_name     = var.name
  engine_version  = var.engine_version
  access_policies = replace(local.access_policy, "$${OPENSEARCH_ARN}", local.arn)
  tags            = var.tags

  cluster_config {
    instance_type            = var.instance_type
    instance_count           = var.data_nodes
    dedicated_master_enabled = var.dedicated_masters
    dedicated_master_count   = var.dedicated_masters ? 3 : null
    dedicated_master_type    = var.dedicated_masters ? var.dedicated_master_type : null
    warm_enabled             = var.warm_nodes > 0 ? true : null
    warm_count               = var.warm_nodes > 0 ? var.warm_nodes : null
    warm_type                = var.warm_nodes > 0 ? var.warm_type : null
    zone_awareness_enabled   = var.availability_zones > 1

    dynamic "zone_awareness_config" {
      for_each = var.availability_zones > 1 ? [var.availability_zones] : []
      content {
        availability_zone_count = zone_awareness_config.value
      }
    }
  }

  ebs_options {
    ebs_enabled = true
    volume_type = "gp3"
    volume_size = var.volume_gib
  }

  dynamic "vpc_options" {
    for_each = local.in_vpc ? [var.subnet_ids] : []
    content {
      subnet_ids         = vpc_options.value
      security_group_ids = [aws_security_group.this[0].id]
    }
  }

  dynamic "cognito_options" {
    for_each = var.cognito == null ? [] : [var.cognito]
    content {
      enabled          = true
      user_pool_id     = cognito_options.value.user_pool_id
      identity_pool_id = cognito_options.value.identity_pool_id
      role_arn         = cognito_options.value.role_arn
    }
  }

  # Fine-grained access control needs these three, and cannot be switched off again.
  encrypt_at_rest {
    enabled    = true
    kms_key_id = var.kms_key_id
  }

  node_to_node_encryption {
    enabled = true
  }

  domain_endpoint_options {
    enforce_https       = true
    tls_security_policy = "Policy-Min-TLS-1-2-PFS-2023-10"
  }

  advanced_security_options {
    enabled                        = true
    anonymous_auth_enabled         = false
    internal_user_database_enabled = local.by_name

    master_user_options {
      master_user_arn      = local.by_name ? null : coalesce(var.master_user_arn, data.aws_iam_session_context.current.issuer_arn)
      master_user_name     = var.master_user_name
      master_user_password = var.master_user_password
    }
  }

  auto_tune_options {
    desired_state       = var.auto_tune && !startswith(var.instance_type, "t3.") ? "ENABLED" : "DISABLED"
    rollback_on_disable = "NO_ROLLBACK"
    use_off_peak_window = var.auto_tune && !startswith(var.instance_type, "t3.")
  }

  off_peak_window_options {
    enabled = true
    off_peak_window {
      window_start_time {
        hours   = var.off_peak_hour
        minutes = 0
      }
    }
  }

  software_update_options {
    auto_software_update_enabled = true
  }

  dynamic "log_publishing_options" {
    for_each = var.published_logs
    content {
      log_type                 = log_publishing_options.value
      cloudwatch_log_group_arn = aws_cloudwatch_log_group.this[log_publishing_options.value].arn
    }
  }

  lifecycle {
    precondition {
      condition     = var.cognito == null || var.saml == null
      error_message = "Dashboards has one way to log in: cognito or saml."
    }
    precondition {
      condition     = var.data_nodes % var.availability_zones == 0
      error_message = "data_nodes must be a multiple of availability_zones."
    }
    precondition {
      condition     = var.warm_nodes == 0 || var.dedicated_masters
      error_message = "UltraWarm (warm_nodes) needs dedicated_masters = true."
    }
    precondition {
      condition     = !local.in_vpc || (var.vpc_id != null && length(var.subnet_ids) == var.availability_zones)
      error_message = "A domain in a VPC needs vpc_id, and in subnet_ids as many subnets as availability_zones says."
    }
    precondition {
      condition     = local.in_vpc || length(var.client_cidrs) > 0
      error_message = "Say who reaches the domain: subnet_ids for a domain in a VPC, or client_cidrs for one on the internet."
    }
    precondition {
      condition     = (var.master_user_name == null) == (var.master_user_password == null) && !(local.by_name && var.master_user_arn != null)
      error_message = "The master user is either master_user_name with master_user_password, or an IAM role (master_user_arn)."
    }
  }

  depends_on = [aws_cloudwatch_log_resource_policy.this, aws_iam_service_linked_role.this]
}

# People log into Dashboards by their company's sign-on. The roles of SAML's roles_key are backend roles: bootstrap's -reader takes them.
resource "aws_opensearch_domain_saml_options" "this" {
  count       = var.saml == null ? 0 : 1
  domain_name = aws_opensearch_domain.this.domain_name

  saml_options {
    enabled                 = true
    subject_key             = var.saml.subject_key
    roles_key               = var.saml.roles_key
    master_backend_role     = var.saml.master_backend_role
    session_timeout_minutes = var.saml.session_timeout_minutes

    idp {
      entity_id        = var.saml.entity_id
      metadata_content = var.saml.metadata
    }
  }
}

# An account has this role once. Ours is known again by its description, so that a second run neither makes nor destroys it.
data "aws_iam_roles" "service_linked" {
  count      = local.in_vpc && var.create_service_linked_role == null ? 1 : 0
  name_regex = "^AWSServiceRoleForAmazonOpenSearchService$"
}

data "aws_iam_role" "service_linked" {
  count = local.in_vpc && var.create_service_linked_role == null ? length(data.aws_iam_roles.service_linked[0].names) : 0
  name  = "AWSServiceRoleForAmazonOpenSearchService"
}

locals {
  service_linked_description = "Made for the domain ${var.name} by deploy/terraform"
  service_linked_is_missing  = local.in_vpc && length(data.aws_iam_role.service_linked) == 0
  service_linked_is_ours     = length([for role in data.aws_iam_role.service_linked : role if role.description == local.service_linked_description]) > 0
}

resource "aws_iam_service_linked_role" "this" {
  count            = coalesce(var.create_service_linked_role, local.service_linked_is_missing || local.service_linked_is_ours) ? 1 : 0
  aws_service_name = "opensearchservice.amazonaws.com"
  description      = local.service_linked_description
}

resource "aws_security_group" "this" {
  count       = local.in_vpc ? 1 : 0
  name        = "opensearch-${var.name}"
  description = "Who reaches the OpenSearch domain ${var.name}"
  vpc_id      = var.vpc_id
  tags        = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "https" {
  count                        = local.in_vpc ? length(var.client_security_group_ids) : 0
  security_group_id            = aws_security_group.this[0].id
  referenced_security_group_id = var.client_security_group_ids[count.index]
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  description                  = "HTTPS from a client's security group"
  tags                         = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "nodes" {
  count             = local.in_vpc ? length(var.client_subnet_cidrs) : 0
  security_group_id = aws_security_group.this[0].id
  cidr_ipv4         = var.client_subnet_cidrs[count.index]
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  description       = "HTTPS from a subnet of nodes or pods"
  tags              = var.tags
}

# The domain's own logs

resource "aws_cloudwatch_log_group" "this" {
  for_each          = var.published_logs
  name              = "${local.log_prefix}/${each.value}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_cloudwatch_log_resource_policy" "this" {
  count       = length(var.published_logs) > 0 ? 1 : 0
  policy_name = "opensearch-${var.name}"
  policy_document = templatefile("${local.policies}/log-publishing-policy.json", {
    OPENSEARCH_ARN = local.arn
    ACCOUNT_ID     = local.account
    LOG_GROUPS_ARN = "arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.id}:${local.account}:log-group:${local.log_prefix}/*"
  })
}
