output "role_arn" {
  description = "The role: the service account's annotation eks.amazonaws.com/role-arn, and the backend role to map in the domain."
  value       = aws_iam_role.this.arn
}

output "policy_arn" {
  description = "Its policy."
  value       = aws_iam_policy.this.arn
}
