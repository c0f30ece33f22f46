import { describe, expect, test } from "bun:test";
import { statementSpans } from "./statement-positions.ts";

/** What the spans cut out of a text of one line. */
function cut(text: string): readonly string[] {
  return statementSpans(text).map(({ start, end }) => {
    expect([start.line, end.line]).toEqual([1, 1]);
    return text.slice(start.column - 1, end.column - 1);
  });
}

describe("the statements of a policy", () => {
  test("stand where the simulator of AWS says that they stand", () => {
    const text =
      '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}}';
    expect(cut(text)).toEqual(['{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}']);
  });

  test("are found one by one in a list, with all that is in them", () => {
    const text = '{"Statement":[{"Condition":{"Null":{"a":["{","]"]}}},{"Sid":"\\"}{"},{}],"Id":"{}"}';
    expect(cut(text)).toEqual(['{"Condition":{"Null":{"a":["{","]"]}}}', '{"Sid":"\\"}{"}', "{}"]);
  });

  test("are not taken from elsewhere", () => {
    expect(cut('{"Id":"Statement","\\u0053tatement":{"Sid":"Statement"}}')).toEqual(['{"Sid":"Statement"}']);
    expect(cut('{"Version":"2012-10-17"}')).toEqual([]);
  });

  test("have lines and columns from 1, and end behind their last character", () => {
    expect(statementSpans('{\n  "Statement": [\n    {\n    },{}\n  ]\n}')).toEqual([
      { start: { line: 3, column: 5 }, end: { line: 4, column: 6 } },
      { start: { line: 4, column: 7 }, end: { line: 4, column: 9 } },
    ]);
  });
});
