output "arn" {
  description = "ARN of the domain: what OPENSEARCH_ARN stands for in deploy/iam."
  value       = local.arn # known before the domain is
}

output "endpoint" {
  description = "Host name that Fluent Bit sends to, without https://."
  value       = aws_opensearch_domain.this.endpoint
}

output "dashboards_url" {
  description = "OpenSearch Dashboards."
  value       = "https://${aws_opensearch_domain.this.endpoint}/_dashboards"
}

output "security_group_id" {
  description = "Security group of a domain in a VPC, else null."
  value       = one(aws_security_group.this[*].id)
}
