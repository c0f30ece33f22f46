# The provider as docs/terraform.md says, once for the default account and once for another. The keys come from the
# environment, as they do for everybody.
terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  region = "us-east-1"

  endpoints {
    ecr           = var.lading
    iam           = var.lading
    organizations = var.lading
    sts           = var.lading
  }
}

provider "aws" {
  alias  = "build"
  region = "eu-west-2"

  endpoints {
    ecr = var.lading
    iam = var.lading
    sts = var.lading
  }

  assume_role {
    role_arn     = var.build_role_arn
    session_name = "terraform-test"
    external_id  = var.external_id
  }
}

variable "lading" {
  description = "Where the server is"
  type        = string
}

variable "build_role_arn" {
  description = "A role of another account, which asks for the external id"
  type        = string
}

variable "external_id" {
  type = string
}

# What the runner raises between two applies: everything that hangs on it is a change.
variable "step" {
  type    = number
  default = 1
}

data "aws_caller_identity" "current" {}

data "aws_caller_identity" "build" {
  provider = aws.build
}

locals {
  account = data.aws_caller_identity.current.account_id
  build   = data.aws_caller_identity.build.account_id
  changed = var.step > 1
}

output "caller" {
  value = data.aws_caller_identity.current.arn
}

output "build_caller" {
  value = data.aws_caller_identity.build.arn
}
