import { describe, expect, test } from "bun:test";
import { type Contract, iamContract, type QueryService, stsContract } from "./contract/contract.ts";
import { encodeQuery, encodeQueryError } from "./query-output.ts";

/** What the outputs of IAM and STS lack: flattened collections, other names, doubles, and collections in collections. */
const other: Contract<"Do", QueryService> = {
  service: { protocol: "query", apiVersion: "2020-01-01", signingName: "other", xmlNamespace: "urn:other" },
  operations: { Do: { input: "Everything", output: "Everything", resultWrapper: "DoResult", errors: [] } },
  shapes: {
    Everything: {
      type: "structure",
      members: {
        At: "At",
        Body: "Body",
        Counts: "Counts",
        Flat: "Flat",
        FlatCounts: "FlatCounts",
        Inner: "Everything",
        Key: "Key",
        Rows: "Rows",
        Score: "Score",
      },
      names: { Key: "other-name" },
    },
    At: { type: "timestamp" },
    Body: { type: "blob" },
    Count: { type: "integer" },
    Counts: { type: "map", key: "Key", value: "Count" },
    Flat: { type: "list", member: "Key", flattened: true },
    FlatCounts: {
      type: "map",
      key: "Key",
      keyName: "Name",
      value: "Count",
      valueName: "Count",
      flattened: true,
    },
    Key: { type: "string" },
    Row: { type: "list", member: "Key" },
    Rows: { type: "list", member: "Row", memberName: "row" },
    Score: { type: "double" },
  },
};

/** What is within the result of `other`. */
function written(output: unknown): string {
  const xml = encodeQuery(other, "Do", output, "r");
  const [start, end] = [
    `<DoResponse xmlns="urn:other">`,
    "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></DoResponse>",
  ];
  expect(xml.startsWith(start) && xml.endsWith(end)).toBe(true);
  return xml.slice(start.length, -end.length).replace(/^<DoResult>|<\/DoResult>$/g, "");
}

describe("an output becomes XML", () => {
  test("as IAM writes it", () => {
    const user = {
      Path: "/",
      UserName: "alice",
      UserId: "AIDA",
      Arn: "arn:aws:iam::111111111111:user/alice",
      CreateDate: new Date(Date.UTC(2026, 0, 1, 0, 0, 0, 999)),
      PermissionsBoundary: undefined,
      Tags: [{ Key: "a", Value: "<&>" }],
    };
    expect(encodeQuery(iamContract, "CreateUser", { User: user }, "id-1")).toBe(
      '<CreateUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><CreateUserResult><User><Path>/</Path><UserName>alice</UserName><UserId>AIDA</UserId><Arn>arn:aws:iam::111111111111:user/alice</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate><Tags><member><Key>a</Key><Value>&lt;&amp;&gt;</Value></member></Tags></User></CreateUserResult><ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></CreateUserResponse>',
    );
  });

  test("without a result where the operation has none, and with an empty one where it has members", () => {
    const metadata = "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>";
    expect(encodeQuery(iamContract, "DeleteUser", undefined, "r")).toBe(
      `<DeleteUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">${metadata}</DeleteUserResponse>`,
    );
    expect(encodeQuery(stsContract, "GetSessionToken", {}, "r")).toBe(
      `<GetSessionTokenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetSessionTokenResult/>${metadata}</GetSessionTokenResponse>`,
    );
  });

  test("with policies URL-encoded, wherever they are", () => {
    const policy = `{"Sid": "a-b_c.d~e",\n "Not": "*(!')é"}`;
    const encoded = "%7B%22Sid%22%3A%20%22a-b_c.d~e%22%2C%0A%20%22Not%22%3A%20%22%2A%28%21%27%29%C3%A9%22%7D";
    const role = { AssumeRolePolicyDocument: policy };
    const outputs = [
      encodeQuery(iamContract, "GetPolicyVersion", { PolicyVersion: { Document: policy } }, "r"),
      encodeQuery(iamContract, "GetRolePolicy", { PolicyDocument: policy }, "r"),
      encodeQuery(iamContract, "CreateRole", { Role: role }, "r"),
      encodeQuery(iamContract, "ListRoles", { Roles: [role] }, "r"),
      encodeQuery(
        iamContract,
        "GetAccountAuthorizationDetails",
        { UserDetailList: [{ UserPolicyList: [{ PolicyDocument: policy }] }] },
        "r",
      ),
    ];
    for (const xml of outputs) expect(xml).toContain(`>${encoded}</`);
  });

  test.each<[string, unknown, string]>([
    ["nothing", {}, "<DoResult/>"],
    ["empty collections", { Counts: {}, Rows: [] }, "<Counts/><Rows/>"],
    ["a map", { Counts: { a: 1 } }, "<Counts><entry><key>a</key><value>1</value></entry></Counts>"],
    [
      "flattened collections",
      { Flat: ["a", "b"], FlatCounts: { c: 2 } },
      "<Flat>a</Flat><Flat>b</Flat><FlatCounts><Name>c</Name><Count>2</Count></FlatCounts>",
    ],
    ["lists in lists", { Rows: [["a"], []] }, "<Rows><row><member>a</member></row><row/></Rows>"],
    ["another name", { Inner: { Key: "" } }, "<Inner><other-name/></Inner>"],
    ["scalars", { Score: -1.5, Body: new Uint8Array([104, 105]) }, "<Body>aGk=</Body><Score>-1.5</Score>"],
    ["a time", { At: new Date(-1) }, "<At>1969-12-31T23:59:59Z</At>"],
    ["characters of XML", { Key: `"'<]]>&\r\n\t` }, `<other-name>"'&lt;]]&gt;&amp;&#xD;\n\t</other-name>`],
    [
      "characters that XML has not",
      { Key: "a\u0000\u0008\u000b\u001f\ufffe\uffffb\ud800c\u{1f600}" },
      "<other-name>ab\ufffdc\u{1f600}</other-name>",
    ],
    ["members that the shape lacks", { Nothing: 1, Counts: undefined }, "<DoResult/>"],
  ])("%s", (_, output, xml) => {
    expect(written(output)).toBe(xml);
  });

  test("what is not of the shape is a defect", () => {
    expect(() => written({ Rows: "a" })).toThrow("A value of type string is not of the shape Rows");
    expect(() => written({ At: "2026-01-01" })).toThrow("A value of type string is not of the shape At");
  });
});

test("an error names its side, its code, its message and the request", () => {
  const error = { code: "NoSuchEntity", message: "The user with name <a> cannot be found.", status: 404 };
  expect(encodeQueryError(iamContract, error, "id-2")).toBe(
    '<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>The user with name &lt;a&gt; cannot be found.</Message></Error><RequestId>id-2</RequestId></ErrorResponse>',
  );
  const failure = { code: "ServiceFailure", message: "Try again", status: 500 };
  expect(encodeQueryError(stsContract, failure, "id-3")).toContain(
    '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Receiver</Type><Code>ServiceFailure</Code>',
  );
});
