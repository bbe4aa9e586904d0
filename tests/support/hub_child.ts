/** A process that gets a model of the hub that its environment names, and prints the folder. */

import { resolveModel } from "../../train/hub/resolve_model.ts";

const [name = ""] = Deno.args;
console.log((await resolveModel(name, "model")).directory);
