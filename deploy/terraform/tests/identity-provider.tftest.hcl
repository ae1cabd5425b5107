# A new provider, one that is there already, and one that is there but not for IRSA: terraform test.

mock_provider "aws" {
  mock_data "aws_iam_openid_connect_provider" {
    defaults = { client_id_list = ["sts.amazonaws.com"] }
  }
}

mock_provider "aws" {
  alias = "of_another_audience"
  mock_data "aws_iam_openid_connect_provider" {
    defaults = { client_id_list = ["vault"] }
  }
}

variables {
  issuer_url = "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC"
}

run "new" {
  command = plan
  module { source = "../modules/identity-provider" }

  assert {
    condition     = aws_iam_openid_connect_provider.this[0].client_id_list == toset(["sts.amazonaws.com"])
    error_message = "the audience is another"
  }
}

run "existing" {
  command = plan
  module { source = "../modules/identity-provider" }
  variables { create = false }

  assert {
    condition     = length(aws_iam_openid_connect_provider.this) == 0
    error_message = "a second provider would be made"
  }
}

run "existing_for_another_audience" {
  command   = plan
  providers = { aws = aws.of_another_audience }
  module { source = "../modules/identity-provider" }
  variables { create = false }
  expect_failures = [data.aws_iam_openid_connect_provider.existing]
}

run "mistake" {
  command = plan
  module { source = "../modules/identity-provider" }
  variables { issuer_url = "oidc.eks.eu-west-1.amazonaws.com/id/ABC" }
  expect_failures = [var.issuer_url]
}
