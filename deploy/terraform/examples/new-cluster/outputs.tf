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
  description = "OpenSearch Dashboards, reached from within the VPC: by a VPN, or by the commands of dashboards_tunnel."
  value       = module.domain.dashboards_url
}

output "dashboards_tunnel" {
  description = "A way to Dashboards from outside the VPC, through a pod: then open https://127.0.0.1:8443/_dashboards (the certificate is for another name). Delete the pod afterwards."
  value       = <<-EOT
    kubectl run opensearch-door --image=alpine/socat --restart=Never -- tcp-listen:8443,fork,reuseaddr tcp:${module.domain.endpoint}:443
    kubectl wait --for=condition=Ready pod/opensearch-door
    kubectl port-forward pod/opensearch-door 8443:8443
  EOT
}

output "kubeconfig" {
  description = "The command by which kubectl gets to know the cluster."
  value       = "aws eks update-kubeconfig --region ${var.region} --name ${aws_eks_cluster.this.name}"
}
