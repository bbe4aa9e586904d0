import { assert, assertEquals, assertGreater, assertMatch, assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { answer, servePage } from "../../../train/lab/serve.ts";
import { task } from "../../support/cli.ts";

const files = new Map([
  ["index.html", new TextEncoder().encode("<p>page")],
  ["noise/worker.js", new TextEncoder().encode("1")],
  ["base.safetensors", Uint8Array.of(1, 2, 3)],
]);

Deno.test("each file of the page is answered with its type, anything else with 404", async () => {
  const type = (path: string) => answer(files, path).headers.get("content-type");
  assertEquals(type("/"), "text/html; charset=utf-8");
  assertEquals(type("/noise/worker.js"), "text/javascript; charset=utf-8");
  assertEquals(type("/base.safetensors"), "application/octet-stream");
  assertEquals(await answer(files, "/index.html").text(), "<p>page");
  for (const path of ["/other", "/noise", "//index.html", "/../index.html", "/__proto__"]) {
    assertEquals(answer(files, path).status, 404, path);
  }
});

Deno.test("every answer lets scripts ask the page's own server and the hub, and no other host", () => {
  for (const path of ["/", "/noise/worker.js"]) {
    const policy = answer(files, path).headers.get("content-security-policy")!;
    const rules = new Map(
      policy.split("; ").map((rule) => rule.split(/ (.*)/s, 2) as [string, string]),
    );
    assertEquals(rules.get("default-src"), "'self'");
    assertEquals(
      rules.get("connect-src"),
      "'self' https://huggingface.co https://*.huggingface.co https://*.hf.co",
    );
  }
});

Deno.test("the page is served on the loopback interface, and a taken port is refused in words", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  await using server = servePage(files, 0, resolve);
  const address = await promise;
  assertMatch(address, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  assertEquals(await (await fetch(address)).text(), "<p>page");
  const { port } = server.addr;
  assertThrows(
    () => servePage(files, port),
    OptionError,
    `Cannot use --port ${port} as a port that is free is required: found another program on it`,
  );
});

Deno.test("deno task lab --build writes a page that asks for nothing but its own files", async () => {
  const folder = await Deno.makeTempDir({ prefix: "hiddenkey-" });
  try {
    const site = `${folder}/site`;
    const { code, out, err } = await task("lab", "--build", site);
    assertEquals([code, err], [0, ""]);
    assertMatch(out, /^wrote .*\/site\/index\.html and \d+ other files\n$/);
    const names = [...Deno.readDirSync(site)].map(({ name }) => name);
    for (const name of ["index.html", "main.js", "style.css", "theme.css", "base.safetensors"]) {
      assert(names.includes(name), name);
    }
    const html = await Deno.readTextFile(`${site}/index.html`);
    const policy = answer(files, "/").headers.get("content-security-policy");
    assert(html.includes(`http-equiv="Content-Security-Policy" content="${policy}"`));
    const asked = [...html.matchAll(/(?:src|href)="([^"#][^"]*)"/g)].map(([, path]) => path!);
    const own = asked.filter((path) => !path.startsWith("data:") && !path.includes("arxiv.org"));
    for (const path of own) assert(names.includes(path), path);
    const script = await Deno.readTextFile(`${site}/main.js`);
    const imported = [...script.matchAll(/from"\.\/([^"]+)"/g)].map(([, path]) => path!);
    assertGreater(imported.length, 0);
    for (const path of [...imported, "main.js", "style.css", "theme.css"]) {
      assert(own.includes(path), path);
    }
    const again = await task("lab", "--build", site);
    assertEquals([again.code, again.out], [1, ""]);
    assertMatch(again.err, /^error: .*site: Cannot use directory as it requires an empty or new/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
