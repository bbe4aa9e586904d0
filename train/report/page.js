// The report's script: draws the panels of #data with uPlot. Plain JavaScript, as it goes into the
// page as it is; the tests check its types.
/**
 * @typedef {{ run: number, kind: "raw" | "line" | "task" | "dev", label: string, steps: number[],
 *   values: number[] }} Series
 * @typedef {{ id: string, title: string, series: Series[] }} Panel
 * @typedef {{ runs: { name: string, epochsPerStep?: number }[], panels: Panel[] }} Data
 * @typedef {{ axis: "step" | "epoch", isLogarithmic: boolean, hidden: Set<string>,
 *   absent: Set<number> }} View
 */

const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");

/** @param {string} selector @param {ParentNode} [within] @returns {HTMLElement} */
const find = (
  selector,
  within = document,
) => /** @type {HTMLElement} */ (within.querySelector(selector));

/** @param {string} name @param {Record<string, string>} [attributes] @param {(Node | string)[]} children */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** A colour of the style sheet, as a canvas takes it. @param {string} name */
const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();

/** Whether the page is dark now. */
const isDark = () => (root.dataset["theme"] ?? (dark.matches ? "dark" : "light")) === "dark";

function addThemeButton() {
  const button = find("#theme");
  const show = () => button.textContent = isDark() ? "Light theme" : "Dark theme";
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset["theme"] = isDark() ? "light" : "dark";
    show();
  });
  dark.addEventListener("change", show);
  show();
}

/** @param {number} value */
function short(value) {
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(2) : value.toPrecision(4);
}

/** The shortest text of a number that stands beside an axis. @param {number} value */
function tickText(value) {
  const rounded = Number(short(value));
  return Math.abs(rounded) < 1e-3 && rounded !== 0 ? rounded.toExponential() : `${rounded}`;
}

/** A number's colour among the series: of the run, or of the kind where there is one run alone. */
/** @param {Data} data @param {Series} series */
function colourOf({ runs }, { run, kind }) {
  if (runs.length > 1) return colour(`series-${run % 8}`);
  return colour(`series-${{ raw: 0, line: 0, dev: 1, task: 2 }[kind]}`);
}

const dashes = { raw: [], line: [], task: [2, 4], dev: [8, 4] };

/** @param {Data} data @param {Series} series @param {View} view @returns {uPlot.Series} */
function styleOf(data, series, view) {
  const { kind, label, run } = series;
  const stroke = colourOf(data, series);
  // The dashes say what is of the development data where colours say which run it is.
  const dash = data.runs.length > 1 || kind === "task" ? dashes[kind] : [];
  return {
    label,
    stroke,
    show: !view.absent.has(run) && !view.hidden.has(keyOf(kind, label, run)),
    width: kind === "raw" ? 1 : 2,
    alpha: kind === "raw" ? 0.35 : 1,
    dash,
    spanGaps: true,
    points: kind === "dev" || series.steps.length === 1
      ? { show: true, size: 7, fill: stroke, stroke }
      : { show: false },
  };
}

/** @param {string} kind @param {string} label @param {number} run */
const keyOf = (kind, label, run) => `${run} ${kind} ${label}`;

/** @param {Data} data @param {Panel} panel @param {View} view @returns {uPlot.AlignedData} */
function tableOf({ runs }, { series }, { axis }) {
  return uPlot.join(series.map(({ run, steps, values }) => {
    const scale = axis === "epoch" ? runs[run]?.epochsPerStep ?? 1 : 1;
    return [steps.map((step) => step * scale), values];
  }));
}

/** The value at a place, or the last one before it. @param {uPlot} plot @param {number} i */
function valueAt(plot, i) {
  const column = plot.data[i] ?? [];
  for (let at = plot.cursor.idx ?? column.length - 1; at >= 0; at--) {
    const value = column[at];
    if (value !== null && value !== undefined) return short(value);
  }
  return "";
}

/** A line as a curve has it, for the legend. @param {uPlot.Series} style */
function sample({ stroke, dash, alpha }) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  const look = { d: "M1 6h22", stroke: `${stroke}`, "stroke-width": "3", opacity: `${alpha}` };
  for (
    const [name, value] of Object.entries({ width: "24", height: "12", "aria-hidden": "true" })
  ) {
    svg.setAttribute(name, value);
  }
  for (const [name, value] of Object.entries(look)) line.setAttribute(name, value);
  line.setAttribute("stroke-dasharray", (dash ?? []).join(" "));
  svg.append(line);
  return svg;
}

/** Buttons that show and hide curves, each with the value under the cursor. */
/** @param {Data} data @param {Panel} panel @param {View} view @param {HTMLElement} place */
function addLegend({ runs }, panel, view, place) {
  const values = panel.series.map(() => element("span", { class: "value" }));
  /** @param {uPlot} plot */
  const show = (plot) => values.forEach((value, i) => value.textContent = valueAt(plot, i + 1));
  /** @param {uPlot} plot @param {uPlot.Series[]} styles */
  const fill = (plot, styles) => {
    place.replaceChildren(...panel.series.map(({ run, kind, label }, i) => {
      const name = runs.length > 1 ? `${runs[run]?.name}, ${label}` : label;
      const key = keyOf(kind, label, run);
      const style = styles[i + 1] ?? {};
      const pressed = { type: "button", "aria-pressed": `${!view.hidden.has(key)}` };
      const button = element(
        "button",
        pressed,
        sample(style),
        name,
        /** @type {Node} */ (values[i]),
      );
      button.addEventListener("click", () => {
        const isShown = view.hidden.has(key);
        if (isShown) view.hidden.delete(key);
        else view.hidden.add(key);
        button.setAttribute("aria-pressed", `${isShown}`);
        plot.setSeries(i + 1, { show: isShown && !view.absent.has(run) });
      });
      return button;
    }));
    show(plot);
  };
  return { fill, show };
}

/** Arrow keys move the cursor of a panel that has the focus. @param {HTMLElement} place @param {() => uPlot} plotOf */
function addKeys(place, plotOf) {
  place.tabIndex = 0;
  place.addEventListener("keydown", (event) => {
    const plot = plotOf();
    const [xs] = plot.data;
    const last = xs.length - 1;
    const far = Math.max(1, Math.round(last / 20));
    const now = plot.cursor.idx ?? last;
    const next = {
      ArrowLeft: now - (event.shiftKey ? far : 1),
      ArrowRight: now + (event.shiftKey ? far : 1),
      Home: 0,
      End: last,
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const x = xs[Math.min(last, Math.max(0, next))] ?? 0;
    plot.setCursor({ left: plot.valToPos(x, "x"), top: plot.over.clientHeight / 2 });
    // What the legend shows is said of this panel alone, not of those whose cursors follow it.
    const values = plot.series.slice(1).flatMap(({ label, show }, i) =>
      show ? [`${label} ${valueAt(plot, i + 1)}`] : []
    );
    find("#spoken").textContent = `${short(x)}: ${values.join(", ")}`;
  });
}

/** @param {Data} data @param {Panel} panel @param {View} view @param {number} width */
function optionsOf(data, panel, view, width) {
  const axis = {
    stroke: colour("muted"),
    grid: { stroke: colour("rule"), width: 1 },
    ticks: { stroke: colour("rule"), width: 1 },
    font: "12px system-ui, sans-serif",
  };
  const height = panel.id === "loss" ? 320 : 200;
  /** @type {uPlot.Options} */
  const options = {
    width,
    height,
    scales: {
      x: { time: false },
      y: { distr: panel.id === "loss" && view.isLogarithmic ? 3 : 1 },
    },
    axes: [{ ...axis, label: view.axis, labelFont: axis.font, labelSize: 18, size: 30 }, {
      ...axis,
      size: 64,
      values: (_, ticks) => ticks.map((tick) => tick === null ? "" : tickText(tick)),
    }],
    legend: { show: false },
    cursor: { sync: { key: "report" }, points: { size: 8 } },
    series: [{}, ...panel.series.map((series) => styleOf(data, series, view))],
  };
  return options;
}

/** Draws a panel, and gives what draws it anew. @param {Data} data @param {Panel} panel @param {View} view */
function addPanel(data, panel, view) {
  const figure = find(`[data-panel="${CSS.escape(panel.id)}"]`);
  const place = find(".plot", figure);
  const legend = addLegend(data, panel, view, find(".legend", figure));
  /** @type {uPlot} */
  let plot;
  const draw = () => {
    plot?.destroy();
    const options = optionsOf(data, panel, view, place.clientWidth);
    options.hooks = { setCursor: [legend.show] };
    plot = new uPlot(options, tableOf(data, panel, view), place);
    legend.fill(plot, options.series);
  };
  draw();
  place.setAttribute("role", "group");
  place.setAttribute("aria-label", `${panel.title}: arrow keys move along the curves`);
  addKeys(place, () => plot);
  new ResizeObserver(() => {
    if (place.clientWidth !== plot.width) {
      plot.setSize({ width: place.clientWidth, height: plot.height });
    }
  }).observe(place);
  return draw;
}

/** @param {Data} data @param {View} view @param {() => void} draw */
function addControls(data, view, draw) {
  const controls = find("#controls");
  /** @param {string} label @param {string} type @param {boolean} isChecked @param {() => void} choose */
  const choice = (label, type, isChecked, choose) => {
    const input =
      /** @type {HTMLInputElement} */ (element("input", { type, name: `choice-${type}` }));
    input.checked = isChecked;
    input.addEventListener("change", () => {
      choose();
      draw();
    });
    return element("label", {}, input, ` ${label}`);
  };
  if (data.runs.every(({ epochsPerStep }) => epochsPerStep !== undefined)) {
    const axes = /** @type {const} */ (["step", "epoch"]).map((axis) =>
      choice(axis, "radio", axis === view.axis, () => view.axis = axis)
    );
    controls.append(element("fieldset", {}, element("legend", {}, "Horizontal axis"), ...axes));
  }
  if (data.runs.length > 1) {
    const runs = data.runs.map(({ name }, run) =>
      choice(name, "checkbox", true, () => {
        if (!view.absent.delete(run)) view.absent.add(run);
      })
    );
    controls.append(element("fieldset", {}, element("legend", {}, "Runs"), ...runs));
  }
  controls.append(choice("logarithmic loss", "checkbox", false, () => {
    view.isLogarithmic = !view.isLogarithmic;
  }));
  controls.hidden = false;
}

function start() {
  addThemeButton();
  const source = document.getElementById("data");
  if (source === null) return;
  /** @type {Data} */
  const data = JSON.parse(source.textContent ?? "");
  const raw = data.panels.flatMap(({ series }) => series.filter(({ kind }) => kind === "raw"));
  // Where there are several runs, the curves of single steps would hide each other.
  const hidden = data.runs.length > 1 ? raw : [];
  /** @type {View} */
  const view = {
    axis: "step",
    isLogarithmic: false,
    hidden: new Set(hidden.map(({ kind, label, run }) => keyOf(kind, label, run))),
    absent: new Set(),
  };
  const redraws = data.panels.map((panel) => addPanel(data, panel, view));
  const draw = () => redraws.forEach((redraw) => redraw());
  addControls(data, view, draw);
  new MutationObserver(draw).observe(root, { attributeFilter: ["data-theme"] });
  dark.addEventListener("change", draw);
  // Paper is light: the style sheet says so, and the curves follow it.
  matchMedia("print").addEventListener("change", draw);
}

start();
