import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { scanJson } from "../../../nn/formats/json_scan.ts";

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

Deno.test("scanJson() accepts what JSON.parse() accepts", () => {
  fc.assert(fc.property(fc.json(), fc.nat(4), (text, indent) => {
    const pretty = JSON.stringify(JSON.parse(text), null, indent);
    assertEquals(scanJson(text).fault, undefined);
    assertEquals(scanJson(pretty), { fault: undefined, duplicate: undefined });
  }));
});

Deno.test("scanJson() finds a fault exactly where JSON.parse() fails, for mutated texts", () => {
  const noise = fc.constantFrom(...'{}[],:"\\ \n\u0001+-.0e1truefalsn/');
  fc.assert(
    fc.property(fc.json(), fc.nat(), noise, fc.nat(2), (text, place, character, remove) => {
      const at = place % (text.length + 1);
      const mutated = text.slice(0, at) + character + text.slice(at + remove);
      assertEquals(scanJson(mutated).fault === undefined, isJson(mutated), mutated);
    }),
    { numRuns: 3000 },
  );
});

Deno.test("scanJson() points at the first character that breaks the grammar", () => {
  assertEquals(scanJson('{"a": 1,}').fault, 8);
  assertEquals(scanJson("[1 2]").fault, 3);
  assertEquals(scanJson('{"a"').fault, 4);
  assertEquals(scanJson("1 x").fault, 2);
  assertEquals(scanJson("").fault, 0);
});

Deno.test("scanJson() finds duplicate keys at any depth and behind escapes", () => {
  assertEquals(scanJson('{"a":1,"b":{"a":2}}').duplicate, undefined);
  assertEquals(scanJson('[{"a":1},{"a":2}]').duplicate, undefined);
  assertEquals(scanJson('{"x":[{"a":1,"\\u0061":2}]}').duplicate, "a");
  assertEquals(scanJson('{"__proto__":1,"__proto__":2}').duplicate, "__proto__");
});
