/** The condition keys that can have a value here: IAM user guide, "Global condition context keys", and ECR's own. */

type ConditionKey = {
  /** Requests have one value, or many, for which a condition needs a set operator. */
  values: "one" | "many";
  /** It says something about who asks, so that a condition on it limits "everyone". */
  aboutCaller: boolean;
};

const aboutCaller: ConditionKey = { values: "one", aboutCaller: true };
const aboutRequest: ConditionKey = { values: "one", aboutCaller: false };
const manyAboutCaller: ConditionKey = { values: "many", aboutCaller: true };
const manyAboutRequest: ConditionKey = { values: "many", aboutCaller: false };

/** By name in lower case; what ends with a slash is followed by the key of a tag. */
const keys: Readonly<Record<string, ConditionKey>> = {
  "aws:calledvia": manyAboutRequest,
  "aws:calledviafirst": aboutRequest,
  "aws:calledvialast": aboutRequest,
  "aws:currenttime": aboutRequest,
  "aws:epochtime": aboutRequest,
  "aws:federatedprovider": aboutCaller,
  "aws:multifactorauthpresent": aboutCaller,
  "aws:principalaccount": aboutCaller,
  "aws:principalarn": aboutCaller,
  "aws:principalisawsservice": aboutCaller,
  "aws:principalorgid": aboutCaller,
  "aws:principalorgpaths": manyAboutCaller,
  "aws:principalservicename": aboutCaller,
  "aws:principalservicenameslist": manyAboutCaller,
  "aws:principaltag/": aboutCaller,
  "aws:principaltype": aboutCaller,
  "aws:referer": aboutRequest,
  "aws:requestedregion": aboutRequest,
  "aws:requesttag/": aboutRequest,
  "aws:resourceaccount": aboutRequest,
  "aws:resourceorgid": aboutRequest,
  "aws:resourceorgpaths": manyAboutRequest,
  "aws:resourcetag/": aboutRequest,
  "aws:securetransport": aboutRequest,
  "aws:sourceaccount": aboutCaller,
  "aws:sourcearn": aboutCaller,
  "aws:sourceidentity": aboutCaller,
  "aws:sourceip": aboutCaller,
  "aws:sourceorgid": aboutCaller,
  "aws:sourceorgpaths": manyAboutCaller,
  "aws:tagkeys": manyAboutRequest,
  "aws:tokenissuetime": aboutRequest,
  "aws:useragent": aboutRequest,
  "aws:userid": aboutCaller,
  "aws:username": aboutCaller,
  "aws:viaawsservice": aboutRequest,
  "ecr:accountsetting": aboutRequest,
  "ecr:imagedigest": aboutRequest,
  "ecr:imagetag": aboutRequest,
  "ecr:resourcetag/": aboutRequest,
  "sts:externalid": aboutCaller,
  "sts:rolesessionname": aboutRequest,
  "sts:sourceidentity": aboutCaller,
  "sts:transitivetagkeys": manyAboutRequest,
};

const ours = /^(?:aws|ecr|sts):/;

/**
 * What is known of a key, `"never"` when it cannot have a value here, and `"unknown"` when it belongs to something of
 * which this program knows nothing: another service, or an identity provider's claim such as `example.com:sub`.
 */
export function conditionKey(name: string): ConditionKey | "never" | "unknown" {
  const lower = name.toLowerCase();
  const slash = lower.indexOf("/");
  const known = keys[slash === -1 ? lower : lower.slice(0, slash + 1)];
  if (known) return known;
  return ours.test(lower) ? "never" : "unknown";
}
