// Values: figures, heat maps, the colour of gradients, and guesses before values are shown.

const TOLERANCE = 0.05;
// gradients, not what they need on the way
const flows = new Set(Object.keys(DATA.rules).flatMap((node) => [...reach(+node, children)]).filter((node) => roleOf(node) === "gradient"));
const gradientNorms = HAS_RUN ? [...flows].filter(figureOf).map((n) => figureOf(n).norm).filter((n) => n > 0) : [];
const flowRange = gradientNorms.length ? [Math.log10(Math.min(...gradientNorms)), Math.log10(Math.max(...gradientNorms))] : [0, 0];
const FLOW = ["#3b4cc0", "#7ea1fa", "#d9d9d9", "#f4a582", "#c3302f"]; // small to large
const hidden = (node) => state.predict && !state.revealed.has(node);

const number = (value) => {
  if (typeof value !== "number" || Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  return size >= 1e5 || size < 1e-3 ? value.toExponential(3) : String(+value.toPrecision(5));
};

/** A value on one short line: the number itself, or the norm of an array. */
function valueText(figure) {
  const few = (value) => (typeof value === "number" ? number(+value.toPrecision(3)) : String(value));
  if (figure.count === 1) return few(figure.first[0]);
  return figure.norm === undefined ? "—" : `‖·‖ ${few(figure.norm)}`;
}

function flowColour(norm) {
  if (!(norm > 0)) return "var(--sheet)";
  const [low, high] = flowRange, at = high > low ? (Math.log10(norm) - low) / (high - low) : 0.5;
  const k = Math.min(FLOW.length - 2, Math.floor(at * (FLOW.length - 1))), part = Math.round((at * (FLOW.length - 1) - k) * 100);
  const colour = `color-mix(in oklab, ${FLOW[k + 1]} ${part}%, ${FLOW[k]})`;
  return `light-dark(color-mix(in srgb, ${colour} 42%, white), color-mix(in srgb, ${colour} 42%, black))`;
}

function flowLegend() {
  if (!HAS_RUN) return make("span", {}, "gradient flow needs values: explore(path, inputs=...)");
  const cells = [0, 0.25, 0.5, 0.75, 1].map((at, i) => draw("rect", { x: i * 18, width: 18, height: 12 }));
  cells.forEach((cell, i) => { cell.style.fill = flowColour(10 ** (flowRange[0] + (flowRange[1] - flowRange[0]) * i / 4)); });
  return make(
    "span", { id: "flow-legend" }, make("b", {}, "norm of the gradient"), make("span", {}, number(+(10 ** flowRange[0]).toPrecision(2))),
    draw("svg", { width: 90, height: 12, role: "img", "aria-label": "small to large" }, ...cells),
    make("span", {}, `${number(+(10 ** flowRange[1]).toPrecision(2))}, logarithmic`),
  );
}

function valueSection(node) {
  const figure = figureOf(node);
  if (!figure) return [
    make("h3", {}, "value"),
    make("p", { class: "quiet" }, HAS_RUN ? "not computed in this run" : "no run was traced: explore(path, inputs=...) shows values"),
  ];
  if (hidden(node)) return [make("h3", {}, "value, hidden until you have guessed"), guessForm(node, figure)];
  const facts = [
    ["shape", `(${figure.shape.join(", ")})`], ["dtype", figure.dtype], ["min", figure.min], ["max", figure.max], ["mean", figure.mean],
    ["norm", figure.norm], ["zeros", figure.zeros === undefined ? undefined : `${(100 * figure.zeros).toFixed(1)} %`],
  ];
  const told = figure.count === 1 ? [["value", figure.first[0]], ...facts.slice(0, 2)] : facts;
  return [
    make("h3", {}, "value in the traced run"),
    make(
      "dl", { class: "facts" },
      ...told.filter(([, v]) => v !== undefined).map(
        ([name, v]) => make("div", {}, make("dt", {}, name), make("dd", { "data-fact": name, "data-exact": v }, number(v)))
      ),
    ),
    figure.count > 1 ? make(
      "code", { class: "block", "data-fact": "first" },
      `[${figure.first.map(number).join(", ")}${figure.count > figure.first.length ? ", …" : ""}]`,
    ) : null,
    figure.flags ? make("p", { class: "flags" }, `⚠ ${figure.flags.join("; ")}`) : null,
    figure.heat ? heatMap(figure) : null,
  ];
}

function heatMap({ heat: [columns, most, letters] }) {
  const rows = letters.length / columns, svg = draw(
    "svg",
    {
      class: "heat", viewBox: `0 0 ${columns} ${rows}`, preserveAspectRatio: "none", role: "img",
      "aria-label": `heat map, ${rows} by ${columns} cells, orange below zero, blue above, at most ${number(most)} in size`,
    },
  );
  svg.style.height = `${Math.max(14, Math.min(190, rows * 14))}px`;
  [...letters].forEach((letter, i) => {
    const level = letter.charCodeAt(0) - "j".charCodeAt(0);
    const cell = draw("rect", { x: i % columns, y: Math.floor(i / columns), width: 1.02, height: 1.02 });
    cell.style.fill = letter === "?" ? "var(--bad)" : `color-mix(in oklab, ${level < 0 ? "var(--gradient)" : "var(--forward)"} ${Math.abs(level) * 11}%, var(--paper))`;
    svg.append(cell);
  });
  return make("div", {}, svg, make("p", { class: "quiet" }, `orange below zero, blue above; full colour is ${number(most)}`));
}

// ---- predict, then reveal ----

function guessForm(node, figure) {
  const asks = figure.count === 1 ? { value: figure.first[0] } : {
    shape: figure.shape.join(", "), mean: figure.mean, norm: figure.norm, "first entry": figure.first[0],
  };
  const ask = make(
    "select", { id: "ask", "aria-label": "what to guess" },
    ...Object.keys(asks).filter((k) => asks[k] !== undefined).map((k) => make("option", {}, k)),
  );
  const answer = make("input", { id: "guess", "aria-label": "your guess", placeholder: "your guess", autocomplete: "off" });
  const said = make("p", { class: "said", id: "verdict", role: "status" });
  const form = make("form", { class: "guess", onsubmit: (e) => {
    e.preventDefault();
    const [good, text] = judge(answer.value, asks[ask.value]);
    state.revealed.add(node);
    change({ revealed: state.revealed });
    $("verdict-after").className = `said ${good ? "good" : "bad"}`;
    $("verdict-after").textContent = `${ask.value}: ${text}`;
    say(text);
  } }, ask, answer, make("button", {}, "guess"));
  return make("div", {}, form, said);
}

/** Whether a guess is near enough, and how far off it is. */
function judge(guess, truth) {
  if (typeof truth === "string" && /[\d,]/.test(truth)) {
    const numbers = (text) => (text.match(/\d+/g) ?? []).join(", ");
    const good = numbers(guess) === numbers(truth);
    return [good, good ? `right: (${truth})` : `it is (${truth}), you said (${numbers(guess)})`];
  }
  const said = Number(guess.trim().replace(",", "."));
  if (typeof truth !== "number") return [guess.trim().toLowerCase() === String(truth).toLowerCase(), `it is ${truth}`];
  if (guess.trim() === "" || Number.isNaN(said)) return [false, `it is ${number(truth)}; a number was expected`];
  const off = Math.abs(said - truth), relative = off / Math.max(Math.abs(truth), 1e-12);
  const good = relative <= TOLERANCE || off <= 1e-6;
  return [
    good,
    `${good ? "right, within 5 %" : "not yet"}: it is ${number(truth)}, you are off by ${number(+off.toPrecision(3))} (${(100 * relative).toPrecision(3)} %)`,
  ];
}
