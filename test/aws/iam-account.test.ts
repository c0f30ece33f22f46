/** IAM's passwords, the account's alias and numbers, and lists of credentials that nobody has here. */
import { afterAll, describe, expect, test } from "bun:test";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  EntityAlreadyExistsException,
  InvalidUserTypeException,
  NoSuchEntityException,
  PasswordPolicyViolationException,
} from "@aws-sdk/client-iam";
import { folderWithOtherAccount, otherRoot } from "../support/accounts.ts";
import { allow, expectCode, expectDenied, expectModelled, iam, userWithKey } from "../support/iam.ts";
import { registryForFile } from "../support/oci.ts";

const data = await folderWithOtherAccount();
const registry = registryForFile({ data });
const server = () => registry.server;
const root = () => iam(server());
const other = () => iam(server(), otherRoot);
const user = (name: string) => `arn:aws:iam::000000000000:user/${name}`;
const noProfile = (name: string) => ({
  status: 404,
  message: `Login Profile for User ${name} cannot be found.`,
});
const noUser = { status: 404, message: "The user with name none cannot be found." };
const tooWeak = {
  status: 400,
  message:
    "Password does not conform to the account password policy: it must have at least 8 characters, and at least 3 of upper-case letters, lower-case letters, digits and symbols.",
};
const mustSayWho = {
  status: 400,
  code: "ValidationError",
  message: "Must specify userName when calling with non-User credentials",
};

afterAll(() => rm(data, { recursive: true, force: true }));

describe("a login profile", () => {
  test("is made, shown without the password, changed and deleted", async () => {
    const UserName = "Console";
    await root().createUser({ UserName });
    const { LoginProfile: made } = await root().createLoginProfile({
      UserName: "console",
      Password: "First-password-1",
      PasswordResetRequired: true,
    });
    expect(made).toEqual({ UserName, CreateDate: expect.any(Date), PasswordResetRequired: true });
    expect((await root().getLoginProfile({ UserName })).LoginProfile).toEqual(made);
    await root().updateLoginProfile({ UserName, PasswordResetRequired: false });
    const { LoginProfile: updated } = await root().getLoginProfile({ UserName });
    expect(updated).toEqual({ UserName, CreateDate: made?.CreateDate, PasswordResetRequired: false });
    await expectModelled(
      root().createLoginProfile({ UserName, Password: "Second-password-2" }),
      EntityAlreadyExistsException,
      { status: 409, message: "Login Profile for user Console already exists." },
    );
    await root().deleteLoginProfile({ UserName });
    for (const ask of [
      () => root().getLoginProfile({ UserName }),
      () => root().updateLoginProfile({ UserName, Password: "Third-password-3" }),
      () => root().deleteLoginProfile({ UserName }),
    ]) {
      await expectModelled(ask(), NoSuchEntityException, noProfile(UserName));
    }
  });

  test("has a password that IAM's default policy takes", async () => {
    const UserName = "weak";
    await root().createUser({ UserName });
    for (const Password of ["Aa1-567", "lowercase-only", "ALLUPPER1234", "lower12345", "ääääääääÄ1"]) {
      await expectModelled(
        root().createLoginProfile({ UserName, Password }),
        PasswordPolicyViolationException,
        tooWeak,
      );
    }
    await expectCode(root().createLoginProfile({ UserName }), {
      status: 400,
      code: "ValidationError",
      message:
        "1 validation error detected: Value null at 'password' failed to satisfy constraint: Member must not be null",
    });
    await expectModelled(root().getLoginProfile({ UserName }), NoSuchEntityException, noProfile(UserName));
    await root().createLoginProfile({ UserName, Password: "Aa1-5678" });
    await expectModelled(
      root().updateLoginProfile({ UserName, Password: "short" }),
      PasswordPolicyViolationException,
      tooWeak,
    );
  });

  test("is a user's that is there, and no root's", async () => {
    const UserName = "none";
    for (const ask of [
      () => root().createLoginProfile({ UserName, Password: "Long-enough-1" }),
      () => root().getLoginProfile({ UserName }),
      () => root().updateLoginProfile({ UserName }),
      () => root().deleteLoginProfile({ UserName }),
    ]) {
      await expectModelled(ask(), NoSuchEntityException, noUser);
    }
    await expectCode(root().getLoginProfile({}), mustSayWho);
  });

  test("is made once when two are made at the same time", async () => {
    const UserName = "raced";
    await root().createUser({ UserName });
    const results = await Promise.allSettled(
      [1, 2, 3].map((n) => root().createLoginProfile({ UserName, Password: `Long-enough-${n}` })),
    );
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  test("leaves the password in no file and no log", async () => {
    const Password = "Nobody-finds-this-1";
    await root().createUser({ UserName: "secret" });
    await root().createLoginProfile({ UserName: "secret", Password });
    for (const name of await readdir(server().data, { recursive: true })) {
      const content = await readFile(join(server().data, name)).catch(() => Buffer.alloc(0));
      expect({ name, hasIt: content.includes(Password) }).toEqual({ name, hasIt: false });
    }
    expect(server().output()).not.toContain(Password);
  });
});

describe("ChangePassword", () => {
  test("takes the old one, and ends the duty to change it", async () => {
    const UserName = "changes";
    const keys = await userWithKey(server(), UserName);
    await allow(server(), UserName, { Action: "iam:ChangePassword", Resource: user(UserName) });
    const [OldPassword, NewPassword] = ["Old-password-1", "New-password-2"];
    const client = iam(server(), keys);
    await expectModelled(
      client.changePassword({ OldPassword, NewPassword }),
      NoSuchEntityException,
      noProfile(UserName),
    );
    await root().createLoginProfile({ UserName, Password: OldPassword, PasswordResetRequired: true });
    const wrong = { status: 403, code: "AccessDenied", message: "The old password was incorrect." };
    await expectCode(client.changePassword({ OldPassword: "Wrong-password-1", NewPassword }), wrong);
    await expectModelled(
      client.changePassword({ OldPassword, NewPassword: "weak" }),
      PasswordPolicyViolationException,
      tooWeak,
    );
    expect((await root().getLoginProfile({ UserName })).LoginProfile?.PasswordResetRequired).toBe(true);
    await client.changePassword({ OldPassword, NewPassword });
    expect((await root().getLoginProfile({ UserName })).LoginProfile?.PasswordResetRequired).toBe(false);
    await expectCode(client.changePassword({ OldPassword, NewPassword }), wrong);
    await client.changePassword({ OldPassword: NewPassword, NewPassword: OldPassword });
  });

  test("is for users", async () => {
    await expectModelled(
      root().changePassword({ OldPassword: "Old-password-1", NewPassword: "New-password-2" }),
      InvalidUserTypeException,
      { status: 400, message: "Only IAM Users can change their own password" },
    );
  });
});

describe("the alias of an account", () => {
  test("is one, which another takes the place of, and no other account has it", async () => {
    expect((await root().listAccountAliases({})).AccountAliases).toEqual([]);
    await root().createAccountAlias({ AccountAlias: "first-alias" });
    await root().createAccountAlias({ AccountAlias: "second-alias" });
    const { AccountAliases, IsTruncated } = await root().listAccountAliases({ MaxItems: 1 });
    expect(AccountAliases).toEqual(["second-alias"]);
    expect(IsTruncated).toBe(false);
    expect((await root().getUser({})).User?.UserName).toBe("second-alias");
    await other().createAccountAlias({ AccountAlias: "first-alias" });
    await expectModelled(
      other().createAccountAlias({ AccountAlias: "second-alias" }),
      EntityAlreadyExistsException,
      { status: 409, message: "The account alias second-alias already exists." },
    );
    await expectModelled(root().deleteAccountAlias({ AccountAlias: "first-alias" }), NoSuchEntityException, {
      status: 404,
      message: "The account alias with name first-alias cannot be found.",
    });
    await root().deleteAccountAlias({ AccountAlias: "second-alias" });
    expect((await root().listAccountAliases({})).AccountAliases).toEqual([]);
  });

  test("has IAM's form and not that of an account's id", async () => {
    await expectCode(root().createAccountAlias({ AccountAlias: "Not-Lower" }), {
      status: 400,
      code: "ValidationError",
      message:
        "1 validation error detected: Value 'Not-Lower' at 'accountAlias' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$",
    });
    await expectCode(root().createAccountAlias({ AccountAlias: "111122223333" }), {
      status: 400,
      code: "ValidationError",
      message: "The account alias '111122223333' has the form of an account id; choose one that has not",
    });
  });
});

describe("the account's numbers", () => {
  test("count what it has, and say what it can have", async () => {
    const { SummaryMap: before } = await other().getAccountSummary({});
    expect(before).toMatchObject({
      Users: 0,
      UsersQuota: 5000,
      Groups: 0,
      GroupsQuota: 300,
      Policies: 0,
      AccessKeysPerUserQuota: 2,
      GroupsPerUserQuota: 10,
      AccountAccessKeysPresent: 1,
      AccountMFAEnabled: 0,
    });
    await other().createUser({ UserName: "one" });
    await other().createGroup({ GroupName: "one" });
    const { SummaryMap: after } = await other().getAccountSummary({});
    expect(after).toEqual({ ...before, Users: 1, Groups: 1 });
  });

  test("have no password policy, because nobody can set one", async () => {
    await expectModelled(root().getAccountPasswordPolicy({}), NoSuchEntityException, {
      status: 404,
      message: "The Password Policy with domain name 000000000000 cannot be found.",
    });
  });
});

describe("credentials that nobody has here", () => {
  test("are empty lists of users that are there", async () => {
    const UserName = "lists";
    await root().createUser({ UserName });
    for (const named of [{ UserName }, {}]) {
      const lists = [
        (await root().listMFADevices(named)).MFADevices,
        (await root().listServiceSpecificCredentials(named)).ServiceSpecificCredentials,
        (await root().listSigningCertificates(named)).Certificates,
        (await root().listSSHPublicKeys(named)).SSHPublicKeys,
      ];
      expect(lists).toEqual([[], [], [], []]);
    }
    expect(
      (await root().listServiceSpecificCredentials({ AllUsers: true })).ServiceSpecificCredentials,
    ).toEqual([]);
    const { VirtualMFADevices, IsTruncated } = await root().listVirtualMFADevices({});
    expect({ VirtualMFADevices, IsTruncated }).toEqual({ VirtualMFADevices: [], IsTruncated: false });
  });

  test("are missed of users that are not", async () => {
    const UserName = "none";
    for (const ask of [
      () => root().listMFADevices({ UserName }),
      () => root().listServiceSpecificCredentials({ UserName }),
      () => root().listSigningCertificates({ UserName }),
      () => root().listSSHPublicKeys({ UserName }),
    ]) {
      await expectModelled(ask(), NoSuchEntityException, noUser);
    }
  });
});

describe("a user without rights", () => {
  test("may do nothing of all this", async () => {
    const client = iam(server(), await userWithKey(server(), "powerless"));
    const me = user("powerless");
    const UserName = "powerless";
    const Password = "Long-enough-1";
    const AccountAlias = "some-alias";
    const asks: readonly [Promise<unknown>, string, string][] = [
      [client.createLoginProfile({ UserName, Password }), "CreateLoginProfile", me],
      [client.getLoginProfile({}), "GetLoginProfile", me],
      [client.updateLoginProfile({ UserName, Password }), "UpdateLoginProfile", me],
      [client.deleteLoginProfile({ UserName }), "DeleteLoginProfile", me],
      [client.changePassword({ OldPassword: "x", NewPassword: Password }), "ChangePassword", me],
      [client.createAccountAlias({ AccountAlias }), "CreateAccountAlias", "*"],
      [client.deleteAccountAlias({ AccountAlias }), "DeleteAccountAlias", "*"],
      [client.listAccountAliases({}), "ListAccountAliases", "*"],
      [client.getAccountSummary({}), "GetAccountSummary", "*"],
      [client.getAccountPasswordPolicy({}), "GetAccountPasswordPolicy", "*"],
      [client.listMFADevices({}), "ListMFADevices", me],
      [client.listServiceSpecificCredentials({}), "ListServiceSpecificCredentials", me],
      [client.listServiceSpecificCredentials({ AllUsers: true }), "ListServiceSpecificCredentials", user("")],
      [client.listSigningCertificates({}), "ListSigningCertificates", me],
      [client.listSSHPublicKeys({}), "ListSSHPublicKeys", me],
      [client.listVirtualMFADevices({}), "ListVirtualMFADevices", "arn:aws:iam::000000000000:mfa/"],
    ];
    for (const [ask, action, resource] of asks) {
      await expectDenied(ask, { user: me, action: `iam:${action}`, resource });
    }
  });
});
