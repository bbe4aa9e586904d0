/**
 * The button that changes between light and dark.
 *
 * @module
 */

import { element } from "./dom.ts";

/** A button that offers the theme which is not shown. */
export function themeButton(): HTMLButtonElement {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset["theme"] ?? (system.matches ? "dark" : "light")) === "dark";
  const button = element("button", { type: "button", id: "theme" });
  const name = () => button.textContent = isDark() ? "Light" : "Dark";
  button.addEventListener("click", () => {
    root.dataset["theme"] = isDark() ? "light" : "dark";
    name();
  });
  system.addEventListener("change", name);
  name();
  return button;
}
