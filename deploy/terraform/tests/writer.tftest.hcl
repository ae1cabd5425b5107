# What the writer module makes of each kind of identity and of permissions: terraform test.

mock_provider "aws" {
  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::123456789012:policy/fluent-bit" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/fluent-bit" }
  }
}

variables {
  target_arn            = "arn:aws:es:eu-west-1:123456789012:domain/logs"
  identity_provider_arn = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/ABC"
  cluster_name          = "shop"
  cluster_arn           = "arn:aws:eks:eu-west-1:123456789012:cluster/shop"
}

run "irsa" {
  command = plan
  module { source = "../modules/writer" }
  variables {
    namespace       = "observability"
    service_account = "agent"
  }

  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition.StringEquals == {
      "oidc.eks.eu-west-1.amazonaws.com/id/ABC:aud" = "sts.amazonaws.com"
      "oidc.eks.eu-west-1.amazonaws.com/id/ABC:sub" = "system:serviceaccount:observability:agent"
    }
    error_message = "the trust policy does not hold for that service account alone"
  }
  assert {
    condition     = jsondecode(aws_iam_policy.this.policy).Statement[0].Action == "es:ESHttpPost" && length(aws_eks_pod_identity_association.this) == 0
    error_message = "that is not least privilege, by IRSA"
  }
}

run "pod_identity" {
  command = plan
  module { source = "../modules/writer" }
  variables {
    identity        = "pod-identity"
    permissions     = "full"
    namespace       = "observability"
    service_account = "agent"
  }

  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition.StringEquals == {
      "aws:RequestTag/eks-cluster-arn"            = "arn:aws:eks:eu-west-1:123456789012:cluster/shop"
      "aws:RequestTag/kubernetes-namespace"       = "observability"
      "aws:RequestTag/kubernetes-service-account" = "agent"
    }
    error_message = "the trust policy does not hold for that service account of that cluster alone"
  }
  assert {
    condition     = aws_eks_pod_identity_association.this[0].namespace == "observability" && aws_eks_pod_identity_association.this[0].service_account == "agent"
    error_message = "the association is another's"
  }
}

run "serverless" {
  command = plan
  module { source = "../modules/writer" }
  variables {
    permissions = "serverless"
    target_arn  = "arn:aws:aoss:eu-west-1:123456789012:collection/abc"
  }

  assert {
    condition     = jsondecode(aws_iam_policy.this.policy).Statement[0].Resource == "arn:aws:aoss:eu-west-1:123456789012:collection/abc"
    error_message = "the policy does not name the collection"
  }
}

run "another_account" {
  command = plan
  module { source = "../modules/writer" }
  variables {
    permissions = "assume-role"
    target_arn  = "arn:aws:iam::210987654321:role/log-writer"
  }

  assert {
    condition     = jsondecode(aws_iam_policy.this.policy).Statement[0].Resource == "arn:aws:iam::210987654321:role/log-writer"
    error_message = "the policy does not name the role"
  }
}

run "mistakes" {
  command = plan
  module { source = "../modules/writer" }
  variables {
    identity    = "node"
    permissions = "all"
    target_arn  = "arn:aws:es:eu-west-1:123456789012:domain/logs/*"
  }
  expect_failures = [var.identity, var.permissions, var.target_arn]
}

run "irsa_without_provider" {
  command = plan
  module { source = "../modules/writer" }
  variables { identity_provider_arn = null }
  expect_failures = [aws_iam_role.this]
}
