/** A hub, an empty cache, and downloads from the one to the other. */

import { assertRejects } from "@std/assert";
import { DownloadError } from "../../core/errors.ts";
import type { SnapshotKind } from "../../train/hub/needed.ts";
import type { Repository } from "../../train/hub/repository.ts";
import { hubSettings } from "../../train/hub/settings.ts";
import type { DownloadHooks } from "../../train/hub/download.ts";
import { downloadSnapshot, type Snapshot } from "../../train/hub/snapshot.ts";
import { type Files, HubServer } from "./hub_server.ts";
import { namesIn } from "./workspace.ts";

/** Content of the model's weights. */
export const weights = Uint8Array.from({ length: 3000 }, (_, i) => i * 7 % 251);
/** Files of a model, those included that nobody needs. */
export const model: Files = {
  ".gitattributes": "*.safetensors filter=lfs",
  "README.md": "read me",
  "config.json": '{"model_type":"bert"}',
  "vocab.txt": "[PAD]\n",
  "model.safetensors": weights,
  "pytorch_model.bin": "pickled",
  "tf_model.h5": "not ours",
};

/** A hub, an empty cache, and what a download says and waits. */
export class Bench implements AsyncDisposable {
  readonly server = new HubServer();
  readonly cache = Deno.makeTempDirSync({ prefix: "hiddenkey-hub-" });
  readonly waits: number[] = [];
  readonly said: string[] = [];
  environment: Record<string, string> = {};

  async get(
    { id = "org/tiny", revision = "main" }: Partial<Repository> = {},
    kind: SnapshotKind = "model",
    hooks: DownloadHooks = {},
  ): Promise<Snapshot> {
    const environment: Record<string, string> = {
      HF_ENDPOINT: this.server.hub.origin,
      HF_HOME: this.cache,
      ...this.environment,
    };
    const settings = await hubSettings((name) => environment[name]);
    const wait = (milliseconds: number) => {
      this.waits.push(milliseconds);
      return Promise.resolve();
    };
    const retry = { attempts: 4, timeout: settings.timeout, wait };
    const onMessage = (line: string) => this.said.push(line);
    return await downloadSnapshot(
      { id, revision },
      kind,
      settings,
      { onMessage, ...hooks },
      retry,
    );
  }

  /** Requires that a download fails and returns the error. */
  refused(repository?: Partial<Repository>, kind?: SnapshotKind): Promise<DownloadError> {
    return assertRejects(() => this.get(repository, kind), DownloadError);
  }

  folder(id = "org/tiny"): string {
    return `${this.cache}/hub/models--${id.replace("/", "--")}`;
  }

  /** Names of the contents that the cache holds. */
  blobs(id?: string): string[] {
    return namesIn(`${this.folder(id)}/blobs`);
  }

  async [Symbol.asyncDispose]() {
    await this.server[Symbol.asyncDispose]();
    await Deno.remove(this.cache, { recursive: true });
  }
}
