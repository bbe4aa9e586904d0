/**
 * Where the hub and its cache are: the environment variables that Hugging Face tools share.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { exists, readText } from "../files/files.ts";

/** Which hub is asked, as whom, and where its files are kept. */
export interface HubSettings {
  /** Address of the hub, without a slash at its end. */
  readonly endpoint: string;
  /** Folder that holds `models--org--name` for each repository. */
  readonly cache: string;
  /** Token of an account, where there is one. */
  readonly token: string | undefined;
  /** Whether nothing may be asked of the hub. */
  readonly offline: boolean;
  /** Milliseconds of silence after which a connection counts as dead. */
  readonly timeout: number;
  /** Whether snapshots may be symbolic links. */
  readonly symlinks: boolean;
}

/** Reads one environment variable; undefined where it is not set. */
export type Environment = (name: string) => string | undefined;

/** Whether a variable's value switches something on. */
export function isOn(value: string | undefined): boolean {
  return ["1", "ON", "YES", "TRUE"].includes(value?.toUpperCase() ?? "");
}

/**
 * Reads the settings: `HF_ENDPOINT`, `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE`, `HF_HOME`,
 * `XDG_CACHE_HOME`, `HF_TOKEN`, `HF_TOKEN_PATH`, `HF_HUB_DISABLE_IMPLICIT_TOKEN`, `HF_HUB_OFFLINE`,
 * `TRANSFORMERS_OFFLINE`, `HF_HUB_DOWNLOAD_TIMEOUT` and `HF_HUB_DISABLE_SYMLINKS`.
 *
 * @throws {OptionError} If one of them has an unusable value
 * @throws {FileError} If the token file cannot be read
 */
export async function hubSettings(
  environment: Environment = (name) => Deno.env.get(name),
): Promise<HubSettings> {
  // Set but empty counts as not set.
  const get = (name: string) => environment(name) || undefined;
  const user = get("HOME") ?? get("USERPROFILE") ?? ".";
  const expand = (path: string) => path.replace(/^~(?=$|\/)/, user);
  const home = expand(get("HF_HOME") ?? `${get("XDG_CACHE_HOME") ?? "~/.cache"}/huggingface`);
  const cache = get("HF_HUB_CACHE") ?? get("HUGGINGFACE_HUB_CACHE") ?? `${home}/hub`;
  const endpoint = (get("HF_ENDPOINT") ?? "https://huggingface.co").replace(/\/+$/, "");
  if (!URL.canParse(endpoint) || !/^https?:/.test(endpoint)) {
    // One without its scheme may hold a password too.
    const found = endpoint.includes("@") ? "" : `: found ${endpoint}`;
    throw new OptionError(`Cannot use HF_ENDPOINT as a web address is required${found}`);
  }
  const seconds = Number(get("HF_HUB_DOWNLOAD_TIMEOUT") ?? 10);
  if (!(seconds > 0)) {
    throw new OptionError(
      `Cannot use HF_HUB_DOWNLOAD_TIMEOUT as seconds above 0 are required: found ${
        get("HF_HUB_DOWNLOAD_TIMEOUT")
      }`,
    );
  }
  const tokenPath = expand(get("HF_TOKEN_PATH") ?? `${home}/token`);
  const implicit = !isOn(get("HF_HUB_DISABLE_IMPLICIT_TOKEN"));
  const given = get("HF_TOKEN");
  const token = (given ?? (await exists(tokenPath) ? await readText(tokenPath) : "")).trim();
  if (implicit && !/^[\x21-\x7e]*$/.test(token)) {
    const source = given === undefined ? `the token in ${tokenPath}` : "HF_TOKEN";
    throw new OptionError(
      `Cannot use ${source} as one word of ASCII characters is required: found others`,
    );
  }
  return {
    endpoint,
    cache: expand(cache),
    token: implicit && token !== "" ? token : undefined,
    offline: isOn(get("HF_HUB_OFFLINE") ?? get("TRANSFORMERS_OFFLINE")),
    timeout: 1000 * seconds,
    symlinks: !isOn(get("HF_HUB_DISABLE_SYMLINKS")),
  };
}
