# Users, groups, roles, policies, and what else IAM has that concerns a registry.
resource "aws_iam_user" "ci" {
  name                 = "ci"
  path                 = "/machines/"
  permissions_boundary = local.changed ? null : aws_iam_policy.versions.arn
  force_destroy        = true
  tags                 = { step = tostring(var.step) }
}

resource "aws_iam_user" "person" {
  name = "person"
}

# Without tags: the provider would set them under the new name before it gives that.
resource "aws_iam_user" "renamed" {
  name = local.changed ? "after" : "before"
  path = local.changed ? "/later/" : "/"
}

resource "aws_iam_user_login_profile" "person" {
  user                    = aws_iam_user.person.name
  password_length         = 24
  password_reset_required = true
}

resource "aws_iam_access_key" "ci" {
  user   = aws_iam_user.ci.name
  status = local.changed ? "Inactive" : "Active"
}

resource "aws_iam_user_policy" "ci" {
  name = "push"
  user = aws_iam_user.ci.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = local.changed ? "ecr:*" : "ecr:PutImage"
      Resource = aws_ecr_repository.app.arn
    }]
  })
}

resource "aws_iam_user_policy_attachment" "ci" {
  user       = aws_iam_user.ci.name
  policy_arn = data.aws_iam_policy.read_only.arn
}

resource "aws_iam_user_group_membership" "ci" {
  user   = aws_iam_user.ci.name
  groups = [aws_iam_group.machines.name]
}

resource "aws_iam_group" "machines" {
  name = "machines"
  path = "/teams/"
}

resource "aws_iam_group" "renamed" {
  name = local.changed ? "after" : "before"
  path = local.changed ? "/later/" : "/"
}

resource "aws_iam_group" "people" {
  name = "people"
}

resource "aws_iam_group_membership" "people" {
  name  = "people"
  group = aws_iam_group.people.name
  users = local.changed ? [aws_iam_user.person.name, aws_iam_user.ci.name] : [aws_iam_user.person.name]
}

resource "aws_iam_group_policy" "people" {
  name   = "read"
  group  = aws_iam_group.people.name
  policy = data.aws_iam_policy_document.allow_own.json
}

resource "aws_iam_group_policy_attachment" "people" {
  group      = aws_iam_group.people.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser"
}

data "aws_iam_policy_document" "allow_own" {
  statement {
    actions   = ["ecr:*"]
    resources = ["arn:aws:ecr:*:${local.account}:repository/$${aws:username}/*"]
  }
  statement {
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "AWS"
      identifiers = [aws_iam_user.person.arn, "arn:aws:iam::${local.build}:root"]
    }
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com", "ecs-tasks.amazonaws.com"]
    }
  }
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.actions.arn]
    }
    condition {
      test     = "StringLike"
      variable = "actions.example.com:sub"
      values   = ["repo:team/*"]
    }
  }
}

resource "aws_iam_role" "deploy" {
  name                 = "deploy"
  path                 = "/delivery/"
  description          = local.changed ? "Delivers, carefully" : "Delivers"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = local.changed ? 7200 : 3600
  permissions_boundary = local.changed ? null : aws_iam_policy.versions.arn
  tags                 = { team = "app", step = tostring(var.step) }
}

resource "aws_iam_role" "inline" {
  name_prefix           = "inline-"
  force_detach_policies = true
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = local.changed ? ["sts:AssumeRole", "sts:TagSession"] : ["sts:AssumeRole"]
      Principal = { AWS = local.account, Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "deploy" {
  name   = "deliver"
  role   = aws_iam_role.deploy.id
  policy = data.aws_iam_policy_document.allow_own.json
}

resource "aws_iam_role_policy_attachment" "deploy" {
  role       = aws_iam_role.deploy.name
  policy_arn = aws_iam_policy.versions.arn
}

resource "aws_iam_role_policies_exclusive" "deploy" {
  role_name    = aws_iam_role.deploy.name
  policy_names = [aws_iam_role_policy.deploy.name]
}

resource "aws_iam_policy" "versions" {
  name        = "versions"
  path        = "/delivery/"
  description = "Changed more often than versions are kept"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "Step${var.step}"
      Effect   = "Allow"
      Action   = ["ecr:DescribeRepositories", "ecr:BatchGetImage", "iam:GetUser"]
      Resource = "*"
    }]
  })
  tags = { step = tostring(var.step) }
}

resource "aws_iam_policy" "attached" {
  name_prefix = "attached-"
  policy      = data.aws_iam_policy_document.allow_own.json
}

resource "aws_iam_policy_attachment" "attached" {
  name       = "attached"
  policy_arn = aws_iam_policy.attached.arn
  users      = [aws_iam_user.person.name]
  roles      = local.changed ? [] : [aws_iam_role.deploy.name]
  groups     = [aws_iam_group.people.name]
}

resource "aws_iam_openid_connect_provider" "actions" {
  url             = "https://actions.example.com"
  client_id_list  = local.changed ? ["sts.amazonaws.com", "lading"] : ["sts.amazonaws.com"]
  thumbprint_list = [local.changed ? "ffffffffffffffffffffffffffffffffffffffff" : "0000000000000000000000000000000000000000"]
  tags            = { step = tostring(var.step) }
}

resource "aws_iam_account_alias" "current" {
  account_alias = "terraform-test"
}

resource "aws_iam_service_linked_role" "replication" {
  aws_service_name = "replication.ecr.amazonaws.com"
  description      = local.changed ? "Replicates images" : "Replicates"
}

data "aws_iam_policy" "read_only" {
  name = "AmazonEC2ContainerRegistryReadOnly"
}

data "aws_iam_policy" "versions" {
  arn = aws_iam_policy.versions.arn
}

data "aws_iam_role" "deploy" {
  name = aws_iam_role.deploy.name
}

data "aws_iam_user" "ci" {
  user_name = aws_iam_user.ci.name
}

data "aws_iam_group" "people" {
  group_name = aws_iam_group_membership.people.group
}

data "aws_iam_roles" "delivery" {
  path_prefix = "/delivery/"
  depends_on  = [aws_iam_role.deploy]
}

data "aws_iam_users" "machines" {
  path_prefix = "/machines/"
  depends_on  = [aws_iam_user.ci]
}

data "aws_iam_access_keys" "ci" {
  user = aws_iam_access_key.ci.user
}

data "aws_iam_account_alias" "current" {
  depends_on = [aws_iam_account_alias.current]
}

data "aws_iam_openid_connect_provider" "actions" {
  url        = "https://actions.example.com"
  depends_on = [aws_iam_openid_connect_provider.actions]
}

data "aws_iam_session_context" "build" {
  provider = aws.build
  arn      = data.aws_caller_identity.build.arn
}

data "aws_iam_principal_policy_simulation" "ci" {
  policy_source_arn = aws_iam_user.person.arn
  action_names      = ["ecr:BatchGetImage", "ecr:DeleteRepository"]
  resource_arns     = [aws_ecr_repository.app.arn]
  depends_on        = [aws_iam_group_membership.people, aws_iam_group_policy.people, aws_iam_policy_attachment.attached]
}

output "simulation" {
  value = { for result in data.aws_iam_principal_policy_simulation.ci.results : result.action_name => result.decision }
}

output "versions" {
  value = jsondecode(data.aws_iam_policy.versions.policy).Statement[0].Sid
}

output "people" {
  value = [for user in data.aws_iam_group.people.users : user.user_name]
}

output "build_role" {
  value = data.aws_iam_session_context.build.issuer_arn
}

output "ci" {
  value     = { id = aws_iam_access_key.ci.id, secret = aws_iam_access_key.ci.secret }
  sensitive = true
}
