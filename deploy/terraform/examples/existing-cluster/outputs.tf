locals {
  endpoint = var.create_domain ? module.domain[0].endpoint : data.aws_opensearch_domain.existing[0].endpoint
}

output "settings_env" {
  description = "What the kustomize overlay reads: terraform output -raw settings_env > ../../../kubernetes/overlays/irsa/settings.env"
  value       = <<-EOT
    OPENSEARCH_ENDPOINT=${local.endpoint}
    AWS_REGION=${var.region}
    INDEX_NAME=${var.index_name}
    FLUENT_BIT_ROLE_ARN=${module.writer.role_arn}
    BOOTSTRAP_ROLE_ARN=${join("", module.bootstrap[*].role_arn)}
  EOT
}

output "role_arn" {
  description = "The service account's annotation eks.amazonaws.com/role-arn, and the backend role to map in the domain."
  value       = module.writer.role_arn
}

output "bootstrap_role_arn" {
  description = "The role of the bootstrap's Job, if that is the domain's master user. Null: run make bootstrap as whoever applied this, or by name and password."
  value       = one(module.bootstrap[*].role_arn)
}

output "dashboards_url" {
  description = "OpenSearch Dashboards."
  value       = "https://${local.endpoint}/_dashboards"
}
