import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { embeddedJson, html } from "../../../train/report/html.ts";

/** What a browser makes of a text without tags. */
function unescaped(text: string): string {
  const characters = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&amp;": "&" };
  return text.replace(/&\w+;|&#39;/g, (entity) => characters[entity as keyof typeof characters]);
}

Deno.test("a template escapes what is put into it, once, and keeps what is HTML", () => {
  const inner = html`<b>${"<i>"}</b>`;
  assertEquals(
    html`${inner}|${[inner, "&amp;", 3]}|${undefined}`.text,
    "<b>&lt;i&gt;</b>|<b>&lt;i&gt;</b>&amp;amp;3|",
  );
});

Deno.test("no text ends an element or an attribute, and every text comes back", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const { text: made } = html`${text}`;
    assert(!/[<>"']/.test(made));
    // deno-lint-ignore no-control-regex
    const allowed = text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g, "\uFFFD");
    assertEquals(unescaped(made), allowed.toWellFormed());
  }));
});

Deno.test("embedded JSON is the same value and neither ends its script nor begins a comment", () => {
  const values = ["</script><script>alert(1)</script>", "<!-- <script", "\u2028\u2029", '"\\'];
  const { text } = embeddedJson(values);
  assert(!text.includes("<"));
  assertEquals(JSON.parse(text), values);
});
