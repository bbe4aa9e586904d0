/**
 * The window's address. Browsers refuse to change it many times a second, so what is dragged is
 * written once it rests.
 *
 * @module
 */

import type { AddressBar } from "./state.ts";

const delay = 150;

/** The address of this window. */
export function windowAddress(): AddressBar {
  let pending: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const write = () => {
    clearTimeout(timer);
    if (pending === undefined) return;
    history.replaceState(null, "", pending || location.pathname + location.search);
    pending = undefined;
  };
  addEventListener("pagehide", write);
  return {
    read: () => location.hash,
    replace(hash) {
      pending = hash;
      clearTimeout(timer);
      timer = setTimeout(write, delay);
    },
  };
}
