import { element } from "../dom.ts";
import type { PageSection } from "../section.ts";

/** To be written. */
export const attentionSection: PageSection = {
  id: "attention",
  title: "One row of attention",
  fields: {},
  mount(root) {
    root.append(element("p", {}, "To be written."));
  },
};
