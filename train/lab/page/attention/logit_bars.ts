/**
 * The logits as bars that are dragged, and the words below them, which are dropped by pressing them.
 *
 * @module
 */

import { element, setAttributes } from "../dom.ts";
import { logitBounds, rowWords } from "./row.ts";

/** What the bars tell. */
export interface LogitEvents {
  /** A bar was moved. */
  onMove(key: number, logit: number): void;
  /** A word was dropped, or taken back. */
  onToggle(key: number): void;
}

/** The bars as they are drawn. */
export interface LogitBars {
  /** What stands in the page. */
  readonly root: HTMLElement;
  /** Shows logits, and which keys are dropped. */
  draw(logits: readonly number[], dropped: readonly number[]): void;
}

const { min, max } = logitBounds;
const shareOf = (logit: number) => 100 * (logit - min) / (max - min);

/** One bar for each word. */
export function logitBars(events: LogitEvents): LogitBars {
  const sliders = rowWords.map((word, key) => slider(word, key, events));
  const buttons = rowWords.map((word, key) => {
    const button = element(
      "button",
      { type: "button", class: "word", "aria-pressed": "false" },
      word,
    );
    button.addEventListener("click", () => events.onToggle(key));
    return button;
  });
  const columns = rowWords.map((_, key) =>
    element("div", { class: "column" }, sliders[key]!, buttons[key]!)
  );
  return {
    root: element(
      "div",
      { class: "columns logits", role: "group", "aria-label": "Logits" },
      ...columns,
    ),
    draw(logits, dropped) {
      const isLast = dropped.length === rowWords.length - 1;
      logits.forEach((logit, key) => {
        const [word, button] = [rowWords[key]!, buttons[key]!];
        const isDropped = dropped.includes(key);
        show(sliders[key]!, word, logit, isDropped);
        setAttributes(button, { "aria-pressed": String(isDropped) });
        button.disabled = isLast && !isDropped;
        button.title = isDropped ? `Take ${word} back` : `Drop ${word}`;
        if (button.disabled) button.title = "A row keeps at least one word";
      });
    },
  };
}

function show(slider: HTMLElement, word: string, logit: number, isDropped: boolean): void {
  const [low, high] = [Math.min(0, logit), Math.max(0, logit)];
  slider.style.setProperty("--low", `${shareOf(low)}%`);
  slider.style.setProperty("--high", `${100 - shareOf(high)}%`);
  slider.style.setProperty("--at", `${shareOf(logit)}%`);
  slider.classList.toggle("below", logit < 0);
  slider.classList.toggle("dropped", isDropped);
  setAttributes(slider, {
    "aria-valuenow": logit,
    "aria-valuetext": `${logit.toFixed(1)}${isDropped ? `, ${word} is dropped` : ""}`,
  });
  slider.querySelector(".value")!.textContent = logit.toFixed(1).replace("-", "−");
}

/** Tenths, within bounds; zero has no sign. */
const settled = (logit: number) => Math.round(10 * Math.min(max, Math.max(min, logit))) / 10 || 0;

function slider(word: string, key: number, events: LogitEvents): HTMLElement {
  const track = element(
    "div",
    {
      class: "logit",
      role: "slider",
      tabindex: 0,
      "aria-label": `Logit of ${word}`,
      "aria-orientation": "vertical",
      "aria-valuemin": min,
      "aria-valuemax": max,
      "data-key": key,
    },
    element("span", { class: "bar" }),
    element("span", { class: "value number" }),
  );
  const follow = ({ clientY }: PointerEvent) => {
    const { top, height } = track.getBoundingClientRect();
    events.onMove(key, settled(max - (max - min) * (clientY - top) / height));
  };
  track.addEventListener("pointerdown", (event) => {
    track.setPointerCapture(event.pointerId);
    follow(event);
  });
  track.addEventListener("pointermove", (event) => {
    if (track.hasPointerCapture(event.pointerId)) follow(event);
  });
  track.addEventListener("keydown", (event) => {
    const logit = Number(track.getAttribute("aria-valuenow"));
    const to = moved(event.key, logit);
    if (event.key === "Enter") events.onToggle(key);
    else if (to === undefined) return;
    else events.onMove(key, settled(to));
    event.preventDefault();
  });
  return track;
}

/** Where a key of the keyboard moves a slider to. */
function moved(key: string, logit: number): number | undefined {
  switch (key) {
    case "ArrowUp":
    case "ArrowRight":
      return logit + 0.1;
    case "ArrowDown":
    case "ArrowLeft":
      return logit - 0.1;
    case "PageUp":
      return logit + 1;
    case "PageDown":
      return logit - 1;
    case "Home":
      return min;
    case "End":
      return max;
    default:
      return undefined;
  }
}
