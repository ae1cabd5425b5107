output "settings_env" {
  description = "What the kustomize overlay reads: terraform output -raw settings_env > ../../../kubernetes/overlays/irsa/settings.env"
  value       = <<-EOT
    OPENSEARCH_ENDPOINT=${module.domain.endpoint}
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
  description = "The domain's master user, if it is no name with a password."
  value       = one(module.bootstrap[*].role_arn)
}

output "dashboards_url" {
  description = "OpenSearch Dashboards, reached from within the VPC."
  value       = module.domain.dashboards_url
}

output "kubeconfig" {
  description = "The command by which kubectl gets to know the cluster."
  value       = "aws eks update-kubeconfig --region ${var.region} --name ${aws_eks_cluster.this.name}"
}
