import { element } from "../dom.ts";
import type { PageSection } from "../section.ts";

/** To be written. */
export const noiseSection: PageSection = {
  id: "noise",
  title: "What the noise does to a model",
  fields: {},
  mount(root) {
    root.append(element("p", {}, "To be written."));
  },
};
