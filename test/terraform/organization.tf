# An account that ends with its resource, and service control policies.
resource "aws_organizations_account" "sandbox" {
  name              = "sandbox"
  email             = "sandbox@example.com"
  close_on_deletion = true
  tags              = { step = tostring(var.step) }
}

resource "aws_organizations_policy" "no_delete" {
  name        = local.changed ? "keep-everything" : "keep-repositories"
  description = local.changed ? "Nothing is deleted" : "Repositories stay"
  content = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Deny"
      Action   = local.changed ? ["ecr:Delete*"] : ["ecr:DeleteRepository"]
      Resource = "*"
    }]
  })
  tags = { step = tostring(var.step) }
}

resource "aws_organizations_policy_attachment" "sandbox" {
  policy_id = aws_organizations_policy.no_delete.id
  target_id = aws_organizations_account.sandbox.id
}

data "aws_organizations_organization" "current" {}

# Read again when the account is there.
data "aws_organizations_organization" "grown" {
  depends_on = [aws_organizations_account.sandbox]
}

data "aws_organizations_policies" "all" {
  filter     = "SERVICE_CONTROL_POLICY"
  depends_on = [aws_organizations_policy.no_delete]
}

data "aws_organizations_policies_for_target" "sandbox" {
  target_id = aws_organizations_policy_attachment.sandbox.target_id
  filter    = "SERVICE_CONTROL_POLICY"
}

data "aws_organizations_policy" "no_delete" {
  policy_id = aws_organizations_policy.no_delete.id
}

data "aws_organizations_resource_tags" "sandbox" {
  resource_id = aws_organizations_account.sandbox.id
}

output "organization" {
  value = {
    id       = data.aws_organizations_organization.current.id
    root     = data.aws_organizations_organization.current.roots[0].id
    accounts = data.aws_organizations_organization.grown.accounts[*].id
  }
}

output "sandbox" {
  value = {
    id       = aws_organizations_account.sandbox.id
    policies = data.aws_organizations_policies_for_target.sandbox.ids
    tags     = data.aws_organizations_resource_tags.sandbox.tags
  }
}
