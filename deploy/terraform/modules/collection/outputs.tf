output "arn" {
  description = "ARN of the collection: what COLLECTION_ARN stands for in deploy/iam."
  value       = aws_opensearchserverless_collection.this.arn
}

output "endpoint" {
  description = "Host name that Fluent Bit sends to, without https://."
  value       = trimprefix(aws_opensearchserverless_collection.this.collection_endpoint, "https://")
}

output "people_policy_arn" {
  description = "To attach to the roles of people who open Dashboards."
  value       = aws_iam_policy.people.arn
}

output "dashboards_url" {
  description = "OpenSearch Dashboards."
  value       = aws_opensearchserverless_collection.this.dashboard_endpoint
}
