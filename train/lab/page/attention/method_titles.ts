import type { RowMethod } from "./compute.ts";

/** Names of the methods for readers. */
export const methodTitles: Readonly<Record<RowMethod, string>> = {
  dropkey: "DropKey",
  dropattention: "DropAttention without NoGrad",
  nograd: "DropAttention with NoGrad",
};
