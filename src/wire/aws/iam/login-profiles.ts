/** IAM's operations on the passwords of users for the console. */
import { type Identity, updateIdentity } from "../../../access/identities/identities.ts";
import { checkPassword, hashPassword, isPassword } from "../../../access/identities/passwords.ts";
import { fault } from "../../../lib/faults.ts";
import type { Call } from "../../call.ts";
import type { Resource } from "../../permission.ts";
import type { IamOperations } from "../contract/kept-operations.ts";
import type { Offered } from "../operation.ts";
import { subjectResource, userSubject } from "./subjects.ts";

type In<Name extends keyof IamOperations> = IamOperations[Name]["input"];
type Out<Name extends keyof IamOperations> = Promise<IamOperations[Name]["output"]>;

function profileItem(user: Identity) {
  return {
    UserName: user.name,
    CreateDate: new Date(user.password_created_at ?? user.created_at),
    PasswordResetRequired: user.password_reset === 1,
  };
}

/** The hash of the user's password. Throws EntityNotFound when it has none. */
function passwordHashOf(user: Identity): string {
  if (user.password_hash !== null) return user.password_hash;
  throw fault("EntityNotFound", { reason: `Login Profile for User ${user.name} cannot be found.` });
}

function checkNoPassword(user: Identity): void {
  if (user.password_hash === null) return;
  throw fault("EntityExists", { reason: `Login Profile for user ${user.name} already exists.` });
}

/** IAM API, CreateLoginProfile. Only AWS's own way to reset a root may leave the password out. */
async function create(call: Call, input: In<"CreateLoginProfile">): Out<"CreateLoginProfile"> {
  const { Password, PasswordResetRequired = false } = input;
  checkNoPassword(await userSubject(call.db.read, call, input));
  if (Password === undefined) {
    throw fault("ConstraintsFailed", {
      failures: ["Value null at 'password' failed to satisfy constraint: Member must not be null"],
    });
  }
  checkPassword(Password);
  const password_hash = await hashPassword(call.ids, Password);
  const user = await call.db.write(async (tx) => {
    const current = await userSubject(tx, call, input);
    // Somebody may have made one while this one was hashed.
    checkNoPassword(current);
    return updateIdentity(tx, current, {
      password_hash,
      password_created_at: call.clock.now(),
      password_reset: PasswordResetRequired ? 1 : 0,
    });
  });
  return { LoginProfile: profileItem(user) };
}

/** IAM API, GetLoginProfile. */
async function get(call: Call, input: In<"GetLoginProfile">): Out<"GetLoginProfile"> {
  const user = await userSubject(call.db.read, call, input);
  passwordHashOf(user);
  return { LoginProfile: profileItem(user) };
}

/** IAM API, UpdateLoginProfile: what is left out stays. */
async function update(call: Call, input: In<"UpdateLoginProfile">): Out<"UpdateLoginProfile"> {
  const { Password, PasswordResetRequired } = input;
  passwordHashOf(await userSubject(call.db.read, call, input));
  if (Password !== undefined) checkPassword(Password);
  const change = {
    ...(Password !== undefined && { password_hash: await hashPassword(call.ids, Password) }),
    ...(PasswordResetRequired !== undefined && { password_reset: PasswordResetRequired ? 1 : 0 }),
  };
  await call.db.write(async (tx) => {
    const user = await userSubject(tx, call, input);
    passwordHashOf(user);
    if (Object.keys(change).length > 0) await updateIdentity(tx, user, change);
  });
  return {};
}

/** IAM API, DeleteLoginProfile. */
async function remove(call: Call, input: In<"DeleteLoginProfile">): Out<"DeleteLoginProfile"> {
  await call.db.write(async (tx) => {
    const user = await userSubject(tx, call, input);
    passwordHashOf(user);
    await updateIdentity(tx, user, {
      password_hash: null,
      password_created_at: null,
      password_reset: 0,
      password_last_used_at: null,
    });
  });
  return {};
}

/** IAM API, ChangePassword: a user's own. Throws InvalidUserType for everybody else. */
function ownResource(call: Call): Promise<readonly Resource[]> {
  const { caller } = call;
  if (caller.kind !== "principal" || caller.who.kind !== "user") {
    throw fault("InvalidUserType", { reason: "Only IAM Users can change their own password" });
  }
  return subjectResource(call, {});
}

/** IAM API, ChangePassword. */
async function change(call: Call, input: In<"ChangePassword">): Out<"ChangePassword"> {
  const verified = passwordHashOf(await userSubject(call.db.read, call, {}));
  if (!(await isPassword(verified, input.OldPassword))) throw oldIsWrong();
  checkPassword(input.NewPassword);
  const password_hash = await hashPassword(call.ids, input.NewPassword);
  await call.db.write(async (tx) => {
    const user = await userSubject(tx, call, {});
    // What was verified is no longer the password when somebody else has changed it meanwhile.
    if (passwordHashOf(user) !== verified) throw oldIsWrong();
    await updateIdentity(tx, user, { password_hash, password_reset: 0 });
  });
  return {};
}

function oldIsWrong() {
  return fault("AccessDenied", { sentence: "The old password was incorrect." });
}

export const loginProfileOperations: Offered<IamOperations> = {
  ChangePassword: { actions: () => ["iam:ChangePassword"], resources: ownResource, run: change },
  CreateLoginProfile: { actions: () => ["iam:CreateLoginProfile"], resources: subjectResource, run: create },
  DeleteLoginProfile: { actions: () => ["iam:DeleteLoginProfile"], resources: subjectResource, run: remove },
  GetLoginProfile: { actions: () => ["iam:GetLoginProfile"], resources: subjectResource, run: get },
  UpdateLoginProfile: { actions: () => ["iam:UpdateLoginProfile"], resources: subjectResource, run: update },
};
