import { element } from "../dom.ts";
import type { PageSection } from "../section.ts";

/** To be written. */
export const fineTuneSection: PageSection = {
  id: "fine-tune",
  title: "Fine-tune it here",
  fields: {},
  mount(root) {
    root.append(element("p", {}, "To be written."));
  },
};
