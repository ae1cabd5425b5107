# What the domain module makes of sizes and of mistakes: terraform test. The provider is a mock, so nothing is asked of AWS.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012", arn = "arn:aws:sts::123456789012:assumed-role/admin/me" }
  }
  mock_data "aws_iam_session_context" {
    defaults = { issuer_arn = "arn:aws:iam::123456789012:role/admin" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { id = "eu-west-1", name = "eu-west-1" }
  }
  mock_data "aws_iam_roles" {
    defaults = { names = [] }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:x" }
  }
}

mock_provider "aws" {
  alias = "with_the_service_linked_role"
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012", arn = "arn:aws:sts::123456789012:assumed-role/admin/me" }
  }
  mock_data "aws_iam_session_context" {
    defaults = { issuer_arn = "arn:aws:iam::123456789012:role/admin" }
  }
  mock_data "aws_region" {
    defaults = { id = "eu-west-1", name = "eu-west-1" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:x" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_iam_roles" {
    defaults = { names = ["AWSServiceRoleForAmazonOpenSearchService"] }
  }
  mock_data "aws_iam_role" {
    defaults = { description = "made by somebody" }
  }
}

mock_provider "aws" {
  alias = "with_our_service_linked_role"
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012", arn = "arn:aws:sts::123456789012:assumed-role/admin/me" }
  }
  mock_data "aws_iam_session_context" {
    defaults = { issuer_arn = "arn:aws:iam::123456789012:role/admin" }
  }
  mock_data "aws_region" {
    defaults = { id = "eu-west-1", name = "eu-west-1" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:x" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_iam_roles" {
    defaults = { names = ["AWSServiceRoleForAmazonOpenSearchService"] }
  }
  mock_data "aws_iam_role" {
    defaults = { description = "Made for the domain logs by deploy/terraform" }
  }
}

variables {
  name         = "logs"
  client_cidrs = ["203.0.113.0/24", "198.51.100.7/32"]
}

run "public" {
  command = plan
  module { source = "../modules/domain" }

  assert {
    condition     = jsondecode(aws_opensearch_domain.this.access_policies).Statement[0].Condition.IpAddress["aws:SourceIp"] == ["203.0.113.0/24", "198.51.100.7/32"]
    error_message = "the access policy does not name the networks"
  }
  assert {
    condition     = jsondecode(aws_opensearch_domain.this.access_policies).Statement[0].Resource == "arn:aws:es:eu-west-1:123456789012:domain/logs/*"
    error_message = "the access policy does not name the domain"
  }
  assert {
    condition     = aws_opensearch_domain.this.advanced_security_options[0].master_user_options[0].master_user_arn == "arn:aws:iam::123456789012:role/admin"
    error_message = "whoever applies this is not the master user"
  }
  assert {
    condition     = length(aws_opensearch_domain.this.vpc_options) == 0 && length(aws_security_group.this) == 0
    error_message = "a domain on the internet is in a VPC"
  }
  assert {
    condition     = aws_opensearch_domain.this.auto_tune_options[0].desired_state == "ENABLED"
    error_message = "Auto-Tune is off"
  }
}

run "small" {
  command = plan
  module { source = "../modules/domain" }
  variables {
    instance_type      = "t3.small.search"
    data_nodes         = 1
    availability_zones = 1
    published_logs     = []
  }

  assert {
    condition     = aws_opensearch_domain.this.auto_tune_options[0].desired_state == "DISABLED"
    error_message = "t3 knows no Auto-Tune"
  }
  assert {
    condition     = !aws_opensearch_domain.this.cluster_config[0].zone_awareness_enabled && length(aws_opensearch_domain.this.cluster_config[0].zone_awareness_config) == 0
    error_message = "one zone is no zone awareness"
  }
  assert {
    condition     = length(aws_cloudwatch_log_resource_policy.this) == 0 && length(aws_opensearch_domain.this.log_publishing_options) == 0
    error_message = "logs are published that nobody asked for"
  }
}

run "large" {
  command = plan
  module { source = "../modules/domain" }
  variables {
    data_nodes                = 6
    availability_zones        = 3
    dedicated_masters         = true
    warm_nodes                = 2
    subnet_ids                = ["subnet-1", "subnet-2", "subnet-3"]
    vpc_id                    = "vpc-1"
    client_security_group_ids = ["sg-nodes", "sg-people"]
    client_subnet_cidrs       = ["10.0.0.0/24", "10.0.1.0/24"]
    client_cidrs              = []
    master_user_name          = "admin"
    master_user_password      = "Correct-horse-7"
    published_logs            = ["ES_APPLICATION_LOGS", "INDEX_SLOW_LOGS"]
  }

  assert {
    condition     = aws_opensearch_domain.this.cluster_config[0].dedicated_master_count == 3 && aws_opensearch_domain.this.cluster_config[0].warm_count == 2
    error_message = "masters or warm nodes are missing"
  }
  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.https) == 2 && alltrue([for r in aws_vpc_security_group_ingress_rule.https : r.from_port == 443 && r.to_port == 443])
    error_message = "the security group does not let the clients in, on 443 alone"
  }
  assert {
    condition     = [for r in aws_vpc_security_group_ingress_rule.nodes : r.cidr_ipv4 if r.from_port == 443 && r.to_port == 443] == ["10.0.0.0/24", "10.0.1.0/24"]
    error_message = "nodes without the clients' security groups get no answer"
  }
  assert {
    condition     = !can(jsondecode(aws_opensearch_domain.this.access_policies).Statement[0].Condition)
    error_message = "AWS refuses addresses in the access policy of a domain in a VPC"
  }
  assert {
    condition     = aws_opensearch_domain.this.advanced_security_options[0].internal_user_database_enabled && aws_opensearch_domain.this.advanced_security_options[0].master_user_options[0].master_user_arn == null
    error_message = "the master user is not the one with the password"
  }
  assert {
    condition     = length(aws_cloudwatch_log_group.this) == 2 && length(aws_cloudwatch_log_resource_policy.this) == 1
    error_message = "the domain's logs go nowhere"
  }
}

run "mistakes_in_variables" {
  command = plan
  module { source = "../modules/domain" }
  variables {
    name                 = "Logs"
    engine_version       = "2.19"
    instance_type        = "t2.small.search"
    data_nodes           = 0
    availability_zones   = 4
    volume_gib           = 5
    warm_nodes           = 1
    warm_type            = "r6g.large.search"
    client_cidrs         = ["my office"]
    master_user_password = "password"
    off_peak_hour        = 24
    published_logs       = ["SLOW_LOGS"]
  }
  expect_failures = [
    var.name, var.engine_version, var.instance_type, var.data_nodes, var.availability_zones, var.volume_gib, var.warm_nodes, var.warm_type,
    var.client_cidrs, var.master_user_password, var.off_peak_hour, var.published_logs,
  ]
}

run "nodes_do_not_divide" {
  command = plan
  module { source = "../modules/domain" }
  variables { data_nodes = 3 }
  expect_failures = [aws_opensearch_domain.this]
}

run "warm_without_masters" {
  command = plan
  module { source = "../modules/domain" }
  variables { warm_nodes = 2 }
  expect_failures = [aws_opensearch_domain.this]
}

run "vpc_without_enough_subnets" {
  command = plan
  module { source = "../modules/domain" }
  variables {
    subnet_ids = ["subnet-1"]
    vpc_id     = "vpc-1"
  }
  expect_failures = [aws_opensearch_domain.this]
}

run "nobody_reaches_it" {
  command = plan
  module { source = "../modules/domain" }
  variables { client_cidrs = [] }
  expect_failures = [aws_opensearch_domain.this]
}

run "name_without_password" {
  command = plan
  module { source = "../modules/domain" }
  variables { master_user_name = "admin" }
  expect_failures = [aws_opensearch_domain.this]
}

run "service_linked_role_is_missing" {
  command = plan
  module { source = "../modules/domain" }
  variables {
    subnet_ids = ["subnet-1", "subnet-2"]
    vpc_id     = "vpc-1"
  }
  assert {
    condition     = length(aws_iam_service_linked_role.this) == 1
    error_message = "the account's first domain in a VPC would fail"
  }
}

run "service_linked_role_is_there" {
  command = plan
  module { source = "../modules/domain" }
  providers = { aws = aws.with_the_service_linked_role }
  variables {
    subnet_ids = ["subnet-1", "subnet-2"]
    vpc_id     = "vpc-1"
  }
  assert {
    condition     = length(aws_iam_service_linked_role.this) == 0
    error_message = "a role that is there cannot be made"
  }
}

run "service_linked_role_is_ours" {
  command = plan
  module { source = "../modules/domain" }
  providers = { aws = aws.with_our_service_linked_role }
  variables {
    subnet_ids = ["subnet-1", "subnet-2"]
    vpc_id     = "vpc-1"
  }
  assert {
    condition     = length(aws_iam_service_linked_role.this) == 1
    error_message = "the second run destroys what the first made"
  }
}

run "saml" {
  command = plan
  module { source = "../modules/domain" }
  variables {
    saml = { entity_id = "https://idp.example.com", metadata = "<xml/>", roles_key = "Role", master_backend_role = "log-admins" }
  }
  assert {
    condition     = aws_opensearch_domain_saml_options.this[0].saml_options[0].idp[0].entity_id == "https://idp.example.com" && aws_opensearch_domain_saml_options.this[0].saml_options[0].master_backend_role == "log-admins"
    error_message = "there is no single sign-on"
  }
}

run "cognito" {
  command = plan
  module { source = "../modules/domain" }
  variables {
    cognito = { user_pool_id = "eu-west-1_abc", identity_pool_id = "eu-west-1:1", role_arn = "arn:aws:iam::123456789012:role/cognito" }
  }
  assert {
    condition     = aws_opensearch_domain.this.cognito_options[0].enabled && aws_opensearch_domain.this.cognito_options[0].user_pool_id == "eu-west-1_abc"
    error_message = "there is no Cognito"
  }
}

run "two_ways_to_log_in" {
  command = plan
  module { source = "../modules/domain" }
  variables {
    saml    = { entity_id = "https://idp.example.com", metadata = "<xml/>" }
    cognito = { user_pool_id = "eu-west-1_abc", identity_pool_id = "eu-west-1:1", role_arn = "arn:aws:iam::123456789012:role/cognito" }
  }
  expect_failures = [aws_opensearch_domain.this]
}
