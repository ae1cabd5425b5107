# What the example new-cluster says once all is there, which a plan does not know: terraform test.

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
  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-west-1a", "eu-west-1b"] }
  }
  mock_data "aws_iam_roles" {
    defaults = { names = [] }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:x" }
  }
  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::123456789012:policy/one" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/one" }
  }
  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/ABC" }
  }
  mock_resource "aws_opensearch_domain" {
    defaults = { endpoint = "vpc-shop-abc123.eu-west-1.es.amazonaws.com" }
  }
  mock_resource "aws_eks_cluster" {
    defaults = {
      arn        = "arn:aws:eks:eu-west-1:123456789012:cluster/shop"
      identity   = [{ oidc = [{ issuer = "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC" }] }]
      vpc_config = { cluster_security_group_id = "sg-0123456789abcdef0" }
    }
  }
}

run "as_the_guide_has_it" {
  module { source = "../examples/new-cluster" }
  variables {
    region               = "eu-west-1"
    name                 = "shop"
    api_cidrs            = ["203.0.113.0/24"]
    master_user_name     = "admin"
    master_user_password = "correct-Horse-7"
  }

  assert {
    condition     = output.dashboards_tunnel == <<-EOT
      kubectl run opensearch-door --image=alpine/socat --restart=Never -- tcp-listen:8443,fork,reuseaddr tcp:vpc-shop-abc123.eu-west-1.es.amazonaws.com:443
      kubectl wait --for=condition=Ready pod/opensearch-door
      kubectl port-forward pod/opensearch-door 8443:8443
    EOT
    error_message = "the way to Dashboards is another"
  }
  assert {
    condition     = output.kubeconfig == "aws eks update-kubeconfig --region eu-west-1 --name shop"
    error_message = "kubectl gets to know another cluster"
  }
  assert {
    condition     = output.settings_env == <<-EOT
      OPENSEARCH_ENDPOINT=vpc-shop-abc123.eu-west-1.es.amazonaws.com
      AWS_REGION=eu-west-1
      INDEX_NAME=eks-log
      FLUENT_BIT_ROLE_ARN=arn:aws:iam::123456789012:role/one
      BOOTSTRAP_ROLE_ARN=
    EOT
    error_message = "the overlay gets other settings"
  }
}

run "the_master_user_is_the_job" {
  module { source = "../examples/new-cluster" }
  variables {
    region    = "eu-west-1"
    name      = "shop"
    api_cidrs = ["203.0.113.0/24"]
  }

  assert {
    condition     = output.bootstrap_role_arn == "arn:aws:iam::123456789012:role/one" && strcontains(output.settings_env, "BOOTSTRAP_ROLE_ARN=arn:aws:iam::123456789012:role/one\n")
    error_message = "the bootstrap's Job has no role"
  }
}
