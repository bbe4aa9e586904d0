import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { describe, showDownloads } from "../../../train/commands/downloads.ts";
import { resolveModel } from "../../../train/hub/resolve_model.ts";
import { parseRepository, resemblesRepository } from "../../../train/hub/repository.ts";
import { hubSettings } from "../../../train/hub/settings.ts";

Deno.test("parseRepository() reads names with and without a revision", () => {
  assertEquals(parseRepository("org/name"), { id: "org/name", revision: "main" });
  assertEquals(parseRepository("o-1/n.a_m-e@v1.0"), { id: "o-1/n.a_m-e", revision: "v1.0" });
  assertEquals(parseRepository("org/name@a/b@c").revision, "a/b@c");
});

const names = ["org", "org/a/b", "org/", "/name", "org/a--b", "org/a..b", "org/.a", "org/a-"];
for (const name of [...names, "org/na me", "org/a.git", "örg/a", `org/${"a".repeat(97)}`]) {
  Deno.test(`parseRepository() refuses ${name.slice(0, 20)}`, () => {
    const { message } = assertThrows(() => parseRepository(name), OptionError);
    assertMatch(message, /org\/name .* is required: found "/);
  });
}

for (
  const revision of ["", "..", "a/../b", "/a", "a/", "a b", "a:b", ".a", "a.lock", "a@{1}", "\0"]
) {
  Deno.test(`parseRepository() refuses revision ${JSON.stringify(revision)}`, () => {
    const { message } = assertThrows(() => parseRepository(`org/name@${revision}`), OptionError);
    assertMatch(message, /revision of org\/name .* is required: found "/);
  });
}

Deno.test("resemblesRepository() tells names from paths", () => {
  const paths = ["/a/b", "./a/b", "../a", "~/a", "a", "a/b/c", "a\\b", "a/", "a@b/c"];
  assertEquals(paths.filter(resemblesRepository), []);
  const repositories = ["a/b", "a/b@c", "a/b@c/d", "a/b c"];
  assertEquals(repositories.filter(resemblesRepository), repositories);
});

Deno.test("locate() takes a folder that exists, whatever its name", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/org/name`, { recursive: true });
  const place = { directory: `${folder}/org/name`, name: `${folder}/org/name` };
  assertEquals(await resolveModel(place.name, "model"), place);
  await assertRejects(() => resolveModel("org/na--me", "model"), OptionError);
  for (const source of ["nowhere", "./nowhere", `${folder}/none`, "a/b/c"]) {
    const { message } = await assertRejects(() => resolveModel(source, "adapter"), OptionError);
    assertEquals(
      message,
      `Cannot find adapter ${JSON.stringify(source)} as a folder or a repository of the hub, ` +
        "org/name, is required: found neither",
    );
  }
  await Deno.remove(folder, { recursive: true });
});

const from = (environment: Record<string, string>) => hubSettings((name) => environment[name]);

Deno.test("hubSettings() finds the cache where Python's tools have it", async () => {
  const cache = async (more: Record<string, string>) => (await from({ HOME: "/u", ...more })).cache;
  assertEquals(await cache({}), "/u/.cache/huggingface/hub");
  assertEquals(await cache({ XDG_CACHE_HOME: "/x" }), "/x/huggingface/hub");
  assertEquals(await cache({ XDG_CACHE_HOME: "/x", HF_HOME: "~/h" }), "/u/h/hub");
  const old = { HF_HOME: "/h", HUGGINGFACE_HUB_CACHE: "/old" };
  assertEquals(await cache(old), "/old");
  assertEquals(await cache({ ...old, HF_HUB_CACHE: "/new" }), "/new");
  assertEquals(await cache({ ...old, HF_HUB_CACHE: "" }), "/old");
});

Deno.test("hubSettings() reads the other variables", async () => {
  const usual = await from({});
  assertEquals(usual.endpoint, "https://huggingface.co");
  assertEquals([usual.token, usual.offline, usual.timeout, usual.symlinks], [
    undefined,
    false,
    10_000,
    true,
  ]);
  const other = await from({
    HF_ENDPOINT: "https://hub.example.org//",
    HF_TOKEN: " t\n",
    TRANSFORMERS_OFFLINE: "True",
    HF_HUB_DOWNLOAD_TIMEOUT: "2.5",
    HF_HUB_DISABLE_SYMLINKS: "on",
  });
  assertEquals(other.endpoint, "https://hub.example.org");
  assertEquals([other.token, other.offline, other.timeout, other.symlinks], [
    "t",
    true,
    2500,
    false,
  ]);
  const off = { HF_HUB_OFFLINE: "0", TRANSFORMERS_OFFLINE: "1" };
  assertEquals((await from(off)).offline, false);
  await assertRejects(() => from({ HF_ENDPOINT: "hub" }), OptionError, "HF_ENDPOINT");
  await assertRejects(() => from({ HF_HUB_DOWNLOAD_TIMEOUT: "0" }), OptionError, "TIMEOUT");
});

Deno.test("describe() tells how far a download is", () => {
  const [name, received] = ["a", 1_250_000];
  assertEquals(describe({ name, received, total: 5_000_000 }), "a 1.3 of 5.0 MB (25 %)");
  assertEquals(describe({ name, received, total: undefined }), "a 1.3 MB");
  assertEquals(describe({ name, received: 0, total: 0 }), "a 0.0 of 0.0 MB (100 %)");
  showDownloads(false).onDownload({ name, received, total: undefined });
});
