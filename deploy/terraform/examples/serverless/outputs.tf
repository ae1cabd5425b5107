output "settings_env" {
  description = "What the kustomize overlay reads: terraform output -raw settings_env > ../../../kubernetes/overlays/serverless/settings.env"
  value       = <<-EOT
    OPENSEARCH_ENDPOINT=${module.collection.endpoint}
    AWS_REGION=${var.region}
    INDEX_NAME=${var.index_name}
    FLUENT_BIT_ROLE_ARN=${module.writer.role_arn}
  EOT
}

output "role_arn" {
  description = "The service account's annotation eks.amazonaws.com/role-arn."
  value       = module.writer.role_arn
}

output "people_policy_arn" {
  description = "Attach it to the roles of people who open Dashboards."
  value       = module.collection.people_policy_arn
}

output "dashboards_url" {
  description = "OpenSearch Dashboards."
  value       = module.collection.dashboards_url
}
