/** Services of AWS that the organization trusts, and members that administer it for them: truly none. */
import type { Call } from "../../call.ts";
import type { OrganizationsOperations } from "../contract/kept-operations.ts";
import { pageOf } from "./about.ts";

type In<Name extends keyof OrganizationsOperations> = OrganizationsOperations[Name]["input"];
type Out<Name extends keyof OrganizationsOperations> = Promise<OrganizationsOperations[Name]["output"]>;

export async function listAWSServiceAccessForOrganization(
  _: Call,
  input: In<"ListAWSServiceAccessForOrganization">,
): Out<"ListAWSServiceAccessForOrganization"> {
  pageOf(input);
  return { EnabledServicePrincipals: [] };
}

export async function listDelegatedAdministrators(
  _: Call,
  input: In<"ListDelegatedAdministrators">,
): Out<"ListDelegatedAdministrators"> {
  pageOf(input);
  return { DelegatedAdministrators: [] };
}
