# Repositories, the forms in which policies name principals, and the registry as a whole.
resource "aws_ecr_repository" "app" {
  name                 = "team/app"
  image_tag_mutability = local.changed ? "IMMUTABLE" : "MUTABLE"
  force_delete         = true

  image_scanning_configuration {
    scan_on_push = local.changed
  }

  encryption_configuration {
    encryption_type = "AES256"
  }

  tags = merge(
    { team = "app", stage = local.changed ? "live" : "test" },
    local.changed ? tomap({ "cost:center" = "7" }) : tomap({ "to/remove" = "" }),
  )
}

# A repository for each form of a policy.
resource "aws_ecr_repository" "shared" {
  for_each = toset(concat(keys(local.principals), keys(local.texts)))
  name     = "shared/${each.key}"
}

locals {
  pull = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
  ]

  principals = {
    account-id = { type = "AWS", identifiers = [local.build] }
    root       = { type = "AWS", identifiers = ["arn:aws:iam::${local.build}:root"] }
    role       = { type = "AWS", identifiers = [aws_iam_role.deploy.arn] }
    several    = { type = "AWS", identifiers = [aws_iam_user.ci.arn, aws_iam_role.deploy.arn, local.build] }
    everybody  = { type = "*", identifiers = ["*"] }
    every-aws  = { type = "AWS", identifiers = ["*"] }
    service    = { type = "Service", identifiers = ["codebuild.amazonaws.com"] }
  }

  conditions = {
    everybody = [{ test = "StringEquals", variable = "aws:PrincipalOrgID", values = [data.aws_organizations_organization.current.id] }]
    service = [
      { test = "StringEquals", variable = "aws:SourceAccount", values = [local.account] },
      { test = "ArnLike", variable = "aws:SourceArn", values = ["arn:aws:codebuild:us-east-1:${local.account}:project/*"] },
    ]
  }

  # What people write by hand: a bare account id, single texts where lists could be, lists of one, keys in any order.
  texts = {
    text-single = jsonencode({
      Version = "2012-10-17"
      Statement = {
        Sid       = "Pull"
        Effect    = "Allow"
        Principal = { AWS = local.build }
        Action    = local.changed ? "ecr:*" : "ecr:BatchGetImage"
      }
    })
    text-list = jsonencode({
      Statement = [
        {
          Action    = ["ecr:BatchGetImage"]
          Principal = { AWS = [local.build] }
          Effect    = "Allow"
        },
        {
          Effect    = "Deny"
          Principal = "*"
          Action    = ["ecr:DeleteRepository", "ecr:BatchDeleteImage"]
          Condition = { StringNotEquals = { "aws:PrincipalAccount" = [local.account] } }
        },
      ]
      Version = "2008-10-17"
    })
  }
}

data "aws_iam_policy_document" "shared" {
  for_each = local.principals

  statement {
    sid     = "Pull"
    actions = local.changed ? concat(local.pull, ["ecr:DescribeImages"]) : local.pull

    principals {
      type        = each.value.type
      identifiers = each.value.identifiers
    }

    dynamic "condition" {
      for_each = try(local.conditions[each.key], [])
      content {
        test     = condition.value.test
        variable = condition.value.variable
        values   = condition.value.values
      }
    }
  }
}

resource "aws_ecr_repository_policy" "shared" {
  for_each   = data.aws_iam_policy_document.shared
  repository = aws_ecr_repository.shared[each.key].name
  policy     = each.value.json
}

resource "aws_ecr_repository_policy" "text" {
  for_each   = local.texts
  repository = aws_ecr_repository.shared[each.key].name
  policy     = each.value
}

resource "aws_ecr_registry_policy" "current" {
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Everything"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::${local.build}:root" }
      Action    = local.changed ? ["ecr:BatchGetImage", "ecr:DescribeImages"] : ["ecr:BatchGetImage"]
      Resource  = "arn:aws:ecr:us-east-1:${local.account}:repository/team/*"
    }]
  })

  depends_on = [aws_ecr_account_setting.scope]
}

resource "aws_ecr_account_setting" "scope" {
  name  = "REGISTRY_POLICY_SCOPE"
  value = "V2"
}

resource "aws_ecr_repository" "build" {
  provider = aws.build
  name     = "build/tools"
  tags     = { step = tostring(var.step) }
}

data "aws_ecr_authorization_token" "current" {}

data "aws_ecr_authorization_token" "build" {
  provider = aws.build
}

data "aws_ecr_repository" "app" {
  name = aws_ecr_repository.app.name
}

data "aws_ecr_repositories" "all" {
  depends_on = [aws_ecr_repository.app, aws_ecr_repository.shared]
}

output "app" {
  value = {
    arn  = data.aws_ecr_repository.app.arn
    url  = data.aws_ecr_repository.app.repository_url
    tags = data.aws_ecr_repository.app.tags
  }
}

output "build" {
  value = { arn = aws_ecr_repository.build.arn, url = aws_ecr_repository.build.repository_url }
}

output "repositories" {
  value = data.aws_ecr_repositories.all.names
}

# Every plan reads new tokens, so the first ones are kept: an output of the new ones would never be without a change.
resource "terraform_data" "logins" {
  input = {
    current = data.aws_ecr_authorization_token.current.authorization_token
    build   = data.aws_ecr_authorization_token.build.authorization_token
  }

  lifecycle {
    ignore_changes = [input]
  }
}

output "logins" {
  value     = terraform_data.logins.output
  sensitive = true
}
