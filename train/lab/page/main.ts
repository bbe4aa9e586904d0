/**
 * Mounts the sections of the page, each with its part of the address.
 *
 * @module
 */

import { windowAddress } from "./address.ts";
import { attentionSection } from "./attention/section.ts";
import { element } from "./dom.ts";
import { fineTuneSection } from "./fine_tune/section.ts";
import { noiseSection } from "./noise/section.ts";
import type { PageSection } from "./section.ts";
import { PageState } from "./state.ts";
import { themeButton } from "./theme.ts";

const sections: readonly PageSection[] = [attentionSection, noiseSection, fineTuneSection];

const state = new PageState(windowAddress());

const main = document.querySelector("main")!;
const list = document.querySelector("nav ul")!;

for (const section of sections) {
  const { id, title } = section;
  const heading = element("h2", { id: `${id}-title` }, title);
  const root = element("section", { id, "aria-labelledby": `${id}-title`, tabindex: -1 }, heading);
  main.append(root);
  list.append(element("li", {}, element("a", { href: `#${id}` }, title)));
  try {
    section.mount(root, state.of(section));
  } catch (error) {
    // One part that this browser cannot show takes no other with it.
    const reason = error instanceof Error ? error.message : String(error);
    root.append(element("p", { role: "alert" }, `This part cannot be shown here: ${reason}`));
  }
}
document.querySelector(".top")!.append(themeButton());

/** A browser finds no element by an address that holds more than its name. */
function showFirst(behavior: ScrollBehavior): void {
  const shown = state.first === undefined ? null : document.getElementById(state.first);
  shown?.scrollIntoView({ behavior });
}

addEventListener("hashchange", () => {
  state.follow();
  showFirst("auto");
});
showFirst("instant");
