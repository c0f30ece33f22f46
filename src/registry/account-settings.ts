/** Settings of a registry that its account chooses: the rows of `account_settings`. ECR API, PutAccountSetting. */
import { registryPolicyScope } from "../access/decisions/resource-policies.ts";
import { prepared, type Queryable, type Tx } from "../store/database.ts";

type Registry = { accountId: string; region: string };

/** What a setting may be, and what it is until somebody sets it. */
export const accountSettings = {
  /** For which actions the registry policy counts. */
  [registryPolicyScope]: { values: ["V1", "V2"], initial: "V2" },
  /** Whether a push may take a layer from another repository of the registry. Off at ECR until it is set. */
  BLOB_MOUNTING: { values: ["ENABLED", "DISABLED"], initial: "ENABLED" },
} as const satisfies Record<string, { values: readonly string[]; initial: string }>;

export type AccountSettingName = keyof typeof accountSettings;
type Value<Name extends AccountSettingName> = (typeof accountSettings)[Name]["values"][number];

const settingByName = prepared<[string, string, string], { value: string }>((db) =>
  db
    .selectFrom("account_settings")
    .select("value")
    .where("account_id", "=", "")
    .where("region", "=", "")
    .where("name", "=", ""),
);

export async function accountSetting<Name extends AccountSettingName>(
  db: Queryable,
  { accountId, region }: Registry,
  name: Name,
): Promise<Value<Name>> {
  const row = await settingByName(db, accountId, region, name);
  // Written by `putAccountSetting` alone, whose value is one of them.
  return (row?.value ?? accountSettings[name].initial) as Value<Name>;
}

/** The value is one of the setting's, and what it would contradict was looked at in this transaction. */
export async function putAccountSetting(
  tx: Tx,
  { accountId, region }: Registry,
  { name, value }: { name: AccountSettingName; value: string },
): Promise<void> {
  await tx
    .insertInto("account_settings")
    .values({ account_id: accountId, region, name, value })
    .onConflict((conflict) => conflict.columns(["account_id", "region", "name"]).doUpdateSet({ value }))
    .execute();
}
