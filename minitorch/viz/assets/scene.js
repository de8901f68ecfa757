// The graph: boxes in bands, arrows between them, marks, panning and zooming.

const SHAPES = {
  placeholder: (w, h) => `M${h / 2} 0H${w - h / 2}A${h / 2} ${h / 2} 0 0 1 ${w - h / 2} ${h}H${h / 2}A${h / 2} ${h / 2} 0 0 1 ${h / 2} 0Z`,
  parameter: (w, h) => `M0 0H${w}V${h}H0ZM5 0V${h}M${w - 5} 0V${h}`,
  constant: (w, h) => `M0 0H${w - 9}L${w} 9V${h}H0ZM${w - 9} 0V9H${w}`,
  forward: (w, h) => `M5 0H${w - 5}Q${w} 0 ${w} 5V${h - 5}Q${w} ${h} ${w - 5} ${h}H5Q0 ${h} 0 ${h - 5}V5Q0 0 5 0Z`,
  gradient: (w, h) => `M9 0H${w - 9}L${w} ${h / 2}L${w - 9} ${h}H9L0 ${h / 2}Z`,
  update: (w, h) => `M0 0H${w - 11}L${w} ${h / 2}L${w - 11} ${h}H0Z`,
};
const MARKS = {
  added: ["+", "added by this pass"], fused: ["⊕", "several in one"], removed: ["−", "gone after this pass"],
  parted: ["⊖", "becomes a part of a fused node"],
};
const SHUT = 34; // height of a closed module
const view = { x: 0, y: 0, scale: 1 };
let fitted = null; // the scene that the view was made for
let placed = { boxes: [], frames: [], height: 0 };

// ---- what a pass changed, in the picture that is shown ----

function marksOf() {
  const stage = stageOf(state.stage), marks = new Map();
  if (stage.name === "plan" || stage.parents === undefined) return marks;
  if (!state.before) {
    if (stage.name !== "differentiate") stage.added.forEach((node) => marks.set(node, "added"));
    stage.fused.forEach((node) => marks.set(node, "fused"));
    return marks;
  }
  const fused = new Set(stage.fused);
  for (const node of stage.removed) {
    marks.set(node, (children.get(node) ?? []).some((child) => fused.has(child)) ? "parted" : "removed");
  }
  return marks;
}

// ---- places, with closed modules taken out ----

const scopeOf = (frames, number) => (number < 0 ? "" : `${scopeOf(frames, frames[number][0])}/${frames[number][1]}`);

function place(stage) {
  const frames = stage.frames.map(([parent, name, top, bottom], i) => ({ parent, name, top, bottom, scope: scopeOf(stage.frames, i) }));
  frames.forEach((f) => { f.depth = f.parent < 0 ? 0 : frames[f.parent].depth + 1; });
  frames.forEach((f) => {
    f.hidden = f.parent >= 0 && (frames[f.parent].hidden || frames[f.parent].shut);
    f.shut = !f.hidden && state.closed.has(f.scope);
  });
  const shut = frames.filter((f) => f.shut);
  const up = (y) => shut.reduce((moved, f) => (f.bottom <= y ? moved - (f.bottom - f.top - SHUT) : moved), y);
  const boxes = stage.boxes.map((box) => {
    const inside = enclosing(frames, box[FRAME]);
    const host = inside.find((f) => f.shut) ?? null;
    return host ? { box, host, x: box[X], w: box[WIDTH] } : { box, host, x: box[X], y: up(box[Y]), w: box[WIDTH] };
  });
  for (const f of frames) {
    f.y = up(f.top);
    f.h = f.shut ? SHUT : up(f.bottom) - f.y;
    f.x = 14 * f.depth + 4;
    f.w = stage.size[0] - 2 * f.x;
  }
  return { boxes, frames, height: up(stage.size[1]) };
}

function enclosing(frames, number) {
  const found = [];
  for (let n = number; n >= 0; n = frames[n].parent) found.unshift(frames[n]);
  return found;
}

// ---- drawing ----

function renderScene() {
  const stage = shownStage(), svg = $("scene");
  placed = place(stage);
  const marks = marksOf();
  svg.replaceChildren(
    draw(
      "defs", {},
      ...["tip", "tip-lit"].map((id) => draw(
        "marker", { id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" },
        draw("path", { d: "M0 1L7 4L0 7Z", fill: "context-stroke" }),
      )),
    ),
    draw(
      "g", { id: "world" }, ...lanes(stage), ...placed.frames.filter((f) => !f.hidden).map(frameElement), ...arrows(stage),
      ...placed.boxes.filter((b) => !b.host).map((b) => nodeElement(b, marks)),
    ),
  );
  show();
  renderLegend(marks);
  updateScene();
}

function lanes(stage) {
  const names = ["forward", "gradients", "updates"];
  const used = [0, 1, 2].filter((k) => stage.boxes.some((box) => laneOf(box) === k));
  if (used.length < 2) return [];
  return used.map((k) => {
    const inLane = stage.boxes.filter((box) => laneOf(box) === k);
    const left = Math.min(...inLane.map((b) => b[X])), right = Math.max(...inLane.map((b) => b[X] + b[WIDTH]));
    return draw("text", { class: "lane", x: (left + right) / 2, y: -8, "text-anchor": "middle" }, names[k]);
  });
}

const roleOf = (node) => ROLE[DATA.nodes[node][ROLE_AT]];
const laneOf = (box) => ["gradient", "update"].indexOf(roleOf(box[NODE])) + 1;

function frameElement(f) {
  const toggle = () => toggleScope(f.scope);
  const name = `module ${f.scope.slice(1)}, ${f.shut ? "closed" : "open"}`;
  const g = draw(
    "g",
    {
      class: f.shut ? "frame closed" : "frame", tabindex: 0, role: "button", "aria-expanded": String(!f.shut), "aria-label": name, onkeydown: (e) => {
        if (e.key === "Enter") toggle();
      }
    },
    draw("rect", { x: f.x, y: f.y, width: f.w, height: f.h, rx: 8, ...(f.shut ? { onclick: toggle } : {}) }));
  if (!f.shut) g.append(draw("rect", { class: "head", x: f.x, y: f.y, width: f.w, height: 22, onclick: toggle }));
  g.append(draw(
    "text", { x: f.x + 9, y: f.y + (f.shut ? 21 : 16) }, `${f.shut ? "▸" : "▾"} ${short(f.name, 40)}`,
    f.shut ? draw("tspan", { class: "inside", dx: 8 }, insideOf(f)) : null,
  ));
  return g;
}

function insideOf(f) {
  const counts = {};
  for (const { box, host } of placed.boxes) if (host === f) counts[roleOf(box[NODE])] = (counts[roleOf(box[NODE])] ?? 0) + 1;
  return Object.entries(counts).map(([role, n]) => `${n} ${role}`).join(", ");
}

function arrows(stage) {
  const seen = new Set(), router = new Router(placed.boxes);
  return stage.arrows.flatMap(([a, b, writes]) => {
    const from = placed.boxes[a], to = placed.boxes[b];
    if (from.host && from.host === to.host) return [];
    const d = router.route(from, to);
    if (seen.has(d)) return [];
    seen.add(d);
    return [draw(
      "path",
      { class: writes ? "arrow writes" : "arrow", d, "marker-end": "url(#tip)", "data-from": from.box[NODE], "data-to": to.box[NODE] },
    )];
  });
}

function nodeElement({ box, x, y, w }, marks) {
  const node = box[NODE], [title, type] = DATA.nodes[node], role = roleOf(node), mark = marks.get(node);
  const name = box[LABEL].startsWith("%") ? title : box[LABEL].split(".").slice(-2).join(".");
  const summed = (DATA.rules[node] ?? []).some(([text]) => text.startsWith("sum of the gradients")) ? "Σ " : "";
  const shown = short(summed + name + (DATA.nodes[node][FULL] ? "" : box[CALL]), Math.floor((w - 16) / 7.3));
  const figure = figureOf(node);
  const classes = ["node", role, mark, box[OUTPUT] ? "output" : ""].filter(Boolean).join(" ");
  const described = `${box[LABEL]}, ${title}, ${role}, ${type}${mark ? `, ${MARKS[mark][1]}` : ""}${box[OUTPUT] ? ", output" : ""}`;
  const g = draw(
    "g",
    {
      class: classes, transform: `translate(${x} ${y})`, role: "button", tabindex: -1, "aria-label": described, "data-node": node, onclick: () => { chooseNode(node); }
    },
    draw("title", {}, `${box[LABEL]}: ${type} = ${box[TEXT]}`),
    draw("path", { class: "halo", d: SHAPES[role](w, HEIGHT) }), draw("path", { class: "shape", d: SHAPES[role](w, HEIGHT) }),
    draw("text", { x: w / 2, y: 15, "text-anchor": "middle" }, shown),
    draw("text", { class: "type", x: w / 2, y: 28, "text-anchor": "middle" }, short(type, Math.floor((w - 14) / 6))));
  if (mark) g.append(
    draw("circle", { class: "mark-disc", cx: w, cy: 0, r: 8 }),
    draw("text", { class: "mark", x: w, y: 4.5, "text-anchor": "middle" }, MARKS[mark][0]),
  );
  if (figure?.flags) g.append(draw("path", { class: "flag", d: "M0 -7L7 5H-7Z" }, draw("title", {}, figure.flags.join("; "))));
  return g;
}

const short = (text, most) => (text.length <= most ? text : `${text.slice(0, Math.max(1, most - 1))}…`);

// ---- what changes without new places: what is lit, found, coloured, reached by the steps ----

function updateScene() {
  const svg = $("scene"), plan = stageOf(state.stage).name === "plan" && !state.before;
  const done = new Set(), now = new Set(state.step >= 0 && plan ? DATA.steps[state.step][STEP_NODES] : []);
  DATA.steps.slice(0, state.step + 1).forEach((step) => step[STEP_NODES].forEach((node) => done.add(node)));
  svg.classList.toggle("focus", lit.nodes.size > 0);
  svg.classList.toggle("flow", state.flow && HAS_RUN);
  let first = true;
  for (const g of svg.querySelectorAll(".node")) {
    const node = +g.dataset.node, figure = figureOf(node);
    const pending = plan && state.step >= 0 && !done.has(node) && stepsOfNode.has(node);
    g.classList.toggle("lit", lit.nodes.has(node));
    g.classList.toggle("chosen", state.chosen === node);
    g.classList.toggle("miss", state.found !== null && !state.found.has(node));
    g.classList.toggle("pending", pending);
    g.classList.toggle("now", now.has(node));
    g.setAttribute("tabindex", state.chosen === node || (state.chosen === null && first) ? 0 : -1);
    first = false;
    const painted = state.flow && figure !== null && flows.has(node);
    g.classList.toggle("painted", painted);
    g.querySelector(".shape").style.fill = painted ? flowColour(figure.norm) : "";
    const value = figure && !pending && !hidden(node) ? valueText(figure) : null;
    g.querySelector(".type").textContent = short(plan && value !== null ? value : DATA.nodes[node][TYPE], 30);
  }
  for (const path of svg.querySelectorAll(".arrow")) {
    const on = lit.nodes.has(+path.dataset.from) && lit.nodes.has(+path.dataset.to) || state.chosen === +path.dataset.from || state.chosen === +path.dataset.to;
    path.classList.toggle("lit", state.chosen === null ? lit.nodes.size > 0 && on : on);
  }
}

function renderLegend(marks) {
  const roles = ROLE.filter((role) => shownStage().boxes.some((box) => roleOf(box[NODE]) === role));
  const items = roles.map((role) => make(
    "span", {},
    draw(
      "svg", { width: 24, height: 14, "aria-hidden": "true" },
      draw("g", { transform: "scale(.6)" }, draw("path", { class: `role-${role}`, d: SHAPES[role](40, 22), "stroke-width": 2 })),
    ),
    role,
  ));
  for (const mark of new Set(marks.values())) items.push(make("span", {}, make("b", {}, MARKS[mark][0]), MARKS[mark][1]));
  if (state.flow) items.push(flowLegend());
  if (HAS_RUN && DATA.figures.some((f) => f.flags)) items.push(make(
    "span", {}, draw("svg", { width: 14, height: 12, "aria-hidden": "true" }, draw("path", { d: "M7 0L14 12H0Z", fill: "var(--bad)" })),
    "something is odd: choose it to read what",
  ));
  $("legend").replaceChildren(...items);
}

// ---- modules ----

function toggleScope(scope) {
  const closed = new Set(state.closed);
  if (!closed.delete(scope)) closed.add(scope);
  change({ closed });
  say(`${scope.slice(1)} ${closed.has(scope) ? "closed" : "opened"}`);
}

/** Close the innermost modules, or open all where some are closed. */
function toggleAll() {
  const frames = shownStage().frames, outer = new Set(frames.map((f) => f[0]));
  const inner = frames.flatMap((_, i) => (outer.has(i) ? [] : [scopeOf(frames, i)]));
  change({ closed: state.closed.size ? new Set() : new Set(inner) });
}

// ---- panning and zooming ----

function show() {
  const world = $("world");
  if (world) world.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.scale})`);
}

function fit() {
  const { width, height } = $("canvas").getBoundingClientRect(), size = shownStage().size;
  const whole = Math.min(width / (size[0] + 24), height / (placed.height + 36));
  view.scale = Math.min(1.15, Math.max(whole, Math.min(0.62, width / (size[0] + 24))));
  view.x = Math.max(10, (width - size[0] * view.scale) / 2);
  view.y = 28 * Math.max(view.scale, 0.8);
  show();
}

/** Show everything when another graph comes, else leave the view as the reader has it. */
function refit() {
  const scene = DATA.stages.indexOf(shownStage());
  if (scene !== fitted) fit();
  fitted = scene;
}

function zoom(factor, x = $("canvas").clientWidth / 2, y = $("canvas").clientHeight / 2) {
  const scale = Math.min(4, Math.max(0.05, view.scale * factor));
  view.x = x - (x - view.x) * (scale / view.scale);
  view.y = y - (y - view.y) * (scale / view.scale);
  view.scale = scale;
  show();
}

/** Bring a node into sight, if it is not. */
function reveal(node) {
  const found = placed.boxes.find((b) => b.box[NODE] === node && !b.host);
  if (!found) return;
  const { clientWidth, clientHeight } = $("canvas");
  const x = found.x * view.scale + view.x, y = found.y * view.scale + view.y;
  if (x < 10 || x + found.w * view.scale > clientWidth - 10) view.x += clientWidth / 2 - x;
  if (y < 20 || y + HEIGHT * view.scale > clientHeight - 60) view.y += clientHeight / 2 - y;
  show();
}

function startPanning() {
  const canvas = $("canvas");
  let drag = null;
  canvas.addEventListener("wheel", (e) => {
    e.preventDefault();
    const box = canvas.getBoundingClientRect();
    if (e.ctrlKey || e.metaKey || !e.shiftKey) zoom(Math.exp(-e.deltaY * 0.0015), e.clientX - box.left, e.clientY - box.top);
    else { view.x -= e.deltaY; show(); }
  }, { passive: false });
  canvas.addEventListener("pointerdown", (e) => { drag = { x: e.clientX - view.x, y: e.clientY - view.y, moved: false }; });
  window.addEventListener("pointermove", (e) => {
    if (!drag) return;
    view.x = e.clientX - drag.x;
    view.y = e.clientY - drag.y;
    show();
  });
  window.addEventListener("pointerup", () => { drag = null; });
}

/** The node that is nearest above (-1) or below (1) the chosen one. */
function neighbour(direction) {
  const at = placed.boxes.find((b) => !b.host && b.box[NODE] === +document.activeElement.dataset.node);
  if (!at) return null;
  const near = placed.boxes.filter((b) => !b.host && (b.y - at.y) * direction > 0);
  near.sort((a, b) => Math.hypot(a.y - at.y, (a.x - at.x) / 2) - Math.hypot(b.y - at.y, (b.x - at.x) / 2));
  return near[0]?.box[NODE] ?? null;
}
