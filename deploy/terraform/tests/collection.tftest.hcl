# What the collection module makes of keys, endpoints and administrators: terraform test.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012", arn = "arn:aws:sts::123456789012:assumed-role/admin/me" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { id = "eu-west-1", name = "eu-west-1" }
  }
  mock_data "aws_iam_session_context" {
    defaults = { issuer_arn = "arn:aws:iam::123456789012:role/admin" }
  }
}

variables {
  name            = "logs"
  writer_role_arn = "arn:aws:iam::123456789012:role/fluent-bit"
}

run "public" {
  command = plan
  module { source = "../modules/collection" }

  assert {
    condition     = jsondecode(aws_opensearchserverless_security_policy.network.policy)[0].AllowFromPublic
    error_message = "the collection is not reached from the internet"
  }
  assert {
    condition     = jsondecode(aws_opensearchserverless_security_policy.encryption.policy).AWSOwnedKey
    error_message = "the key is not AWS's"
  }
  assert {
    condition = [for s in jsondecode(aws_opensearchserverless_access_policy.this.policy) : s.Principal] == [
      ["arn:aws:iam::123456789012:role/fluent-bit"], ["arn:aws:iam::123456789012:role/admin"]
    ]
    error_message = "the data access policy names others"
  }
  assert {
    condition     = jsondecode(aws_opensearchserverless_access_policy.this.policy)[0].Rules[0].Resource == ["index/logs/eks-log*"]
    error_message = "Fluent Bit writes elsewhere"
  }
}

run "by_age" {
  command = apply
  module { source = "../modules/collection" }
  variables { retention = "14d" }
  assert {
    condition     = jsondecode(aws_opensearchserverless_lifecycle_policy.this[0].policy).Rules[0] == { ResourceType = "index", Resource = ["index/logs/*"], MinIndexRetention = "14d" }
    error_message = "nothing deletes old data"
  }
  assert {
    condition     = jsondecode(aws_iam_policy.people.policy).Statement[1].Action == "aoss:DashboardsAccessAll" && jsondecode(aws_iam_policy.people.policy).Statement[1].Resource == "arn:aws:aoss:eu-west-1:123456789012:dashboards/default"
    error_message = "people cannot open Dashboards"
  }
}

run "search" {
  command = plan
  module { source = "../modules/collection" }
  variables { type = "SEARCH" }
  assert {
    condition     = length(aws_opensearchserverless_lifecycle_policy.this) == 0
    error_message = "a collection of type SEARCH takes no lifecycle policy"
  }
}

run "private" {
  command = plan
  module { source = "../modules/collection" }
  variables {
    vpc_endpoint_ids = ["vpce-1"]
    kms_key_arn      = "arn:aws:kms:eu-west-1:123456789012:key/1"
    standby_replicas = false
    admin_arns       = ["arn:aws:iam::123456789012:role/a", "arn:aws:iam::123456789012:role/b"]
  }

  assert {
    condition     = !jsondecode(aws_opensearchserverless_security_policy.network.policy)[0].AllowFromPublic && jsondecode(aws_opensearchserverless_security_policy.network.policy)[0].SourceVPCEs == ["vpce-1"]
    error_message = "the collection is reached from the internet"
  }
  assert {
    condition     = !jsondecode(aws_opensearchserverless_security_policy.encryption.policy).AWSOwnedKey && jsondecode(aws_opensearchserverless_security_policy.encryption.policy).KmsARN == "arn:aws:kms:eu-west-1:123456789012:key/1"
    error_message = "the key is AWS's"
  }
  assert {
    condition     = jsondecode(aws_opensearchserverless_access_policy.this.policy)[1].Principal == ["arn:aws:iam::123456789012:role/a", "arn:aws:iam::123456789012:role/b"]
    error_message = "an administrator is missing"
  }
  assert {
    condition     = aws_opensearchserverless_collection.this.standby_replicas == "DISABLED"
    error_message = "there is a second copy"
  }
}

run "mistakes" {
  command = plan
  module { source = "../modules/collection" }
  variables {
    name = "L"
    type = "VECTORSEARCH"
  }
  expect_failures = [var.name, var.type]
}
