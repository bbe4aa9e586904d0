// The processor's peak as a contender: whatever product is asked for, it runs the loop.
// deno run bench/peers/peak.ts THREADS
import { Peak } from "../peak.ts";
import { serve } from "./serve.ts";

const peak = new Peak(Number(Deno.args[0]));
await serve(() => () => peak.run(), () => ({ flop: peak.flop }));
