// The training film: one frame at a time, everywhere at once.

const N = DATA.frames.length;
const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const shown = (v, digits = 4) => (v === null || v === undefined ? "not finite" : Number(v).toPrecision(digits));
const views = []; // functions of the frame
let frame = 0;
let timer = 0;

// ---- colours of the theme, as numbers for canvases ----

const probe = make("span", { class: "unseen", "aria-hidden": "true" });
document.body.append(probe);
const known = new Map();

function colour(name) {
  if (!known.has(name)) {
    probe.style.color = `var(--${name})`;
    known.set(name, getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number));
  }
  return known.get(name);
}

const css = (rgb) => `rgb(${rgb.map(Math.round).join(" ")})`;
const blend = (a, b, t) => a.map((v, i) => v + (b[i] - v) * t);

/** From orange at -1 over the paper at 0 to blue at 1. */
function signed(t) {
  return blend(colour("none"), colour(t < 0 ? "less" : "more"), Math.min(1, Math.abs(t)) ** 0.8);
}

// ---- cards ----

function card(title, kind, ...content) {
  const note = make("p");
  const figure = make("figure", { class: `card ${kind}` }, make("figcaption", {}, make("h2", {}, title), note), ...content);
  $("cards").append(figure);
  return note;
}

// ---- charts over epochs ----

const WIDTH = 560, HEIGHT = 250, LEFT = 54, TOP = 8, BOTTOM = 38;

function steps(low, high, count) {
  const raw = (high - low) / count || 1;
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((f) => f * size).find((s) => s >= raw * 0.99);
  const found = [];
  for (let v = Math.ceil(low / step - 1e-9) * step; v <= high + step * 1e-6; v += step) found.push(Number(v.toPrecision(9)));
  return found;
}

function decades(low, high) {
  const found = [];
  const few = Math.log10(high / low) < 2.2;
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++)
    for (const f of few ? [1, 2, 5] : [1]) found.push(f * 10 ** e);
  const inside = found.filter((v) => v >= low * 0.999 && v <= high * 1.001);
  const skip = Math.ceil(inside.length / 6);
  return inside.filter((_, i) => i % skip === 0);
}

const plain = (v) => (v !== 0 && (Math.abs(v) < 1e-3 || Math.abs(v) >= 1e5) ? v.toExponential(0) : String(Number(v.toPrecision(6))));

/** Curves `{name, xs, ys, colour, dash}` over epochs, with a cursor; a click goes to the nearest frame. */
function chart(title, unit, kind, curves, tell, share = false) {
  const values = curves.flatMap((c) => c.ys).filter((v) => v !== null);
  const positive = values.filter((v) => v > 0);
  const log = !share && positive.length === values.length && Math.max(...values) > 12 * Math.min(...values);
  let low = values.length ? Math.min(...values) : 0, high = values.length ? Math.max(...values) : 1;
  if (log) { low /= 1.12; high *= 1.12; }
  else if (share) { low = Math.max(0, Math.floor(low * 10 - 1e-9) / 10); high = 1; }
  else { const room = (high - low) * 0.06 || 0.5; low = low >= 0 ? Math.max(0, low - room) : low - room; high += room; }
  const named = curves.length > 1;
  const longest = named ? Math.max(...curves.map((c) => c.name.length)) : 0;
  const right = WIDTH - (named ? Math.min(150, 14 + 6.2 * longest) : 14);
  const last = Math.max(DATA.frames[N - 1], DATA.loss.length, 1);
  const x = (e) => LEFT + (e / last) * (right - LEFT);
  const t = (v) => (log ? Math.log(v / low) / Math.log(high / low) : (v - low) / (high - low || 1));
  const y = (v) => HEIGHT - BOTTOM - t(v) * (HEIGHT - BOTTOM - TOP);
  const svg = draw("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title });
  for (const v of log ? decades(low, high) : steps(low, high, 5))
    svg.append(
      draw("line", { class: "axis", x1: LEFT, x2: right, y1: y(v), y2: y(v) }),
      draw("text", { class: "tick", x: LEFT - 7, y: y(v) + 4, "text-anchor": "end" }, share ? `${Math.round(v * 100)} %` : plain(v)),
    );
  for (const e of steps(0, last, 6).filter((e) => e % 1 === 0))
    svg.append(draw("text", { class: "tick", x: x(e), y: HEIGHT - BOTTOM + 17, "text-anchor": "middle" }, String(e)));
  svg.append(
    draw("line", { class: "axis", x1: LEFT, x2: LEFT, y1: TOP, y2: HEIGHT - BOTTOM }),
    draw("text", { class: "tick", x: (LEFT + right) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, "epoch"),
  );
  const ends = [];
  for (const c of curves) {
    let path = "", pen = "M";
    c.ys.forEach((v, i) => {
      if (v === null) { pen = "M"; return; }
      path += `${pen}${x(c.xs[i]).toFixed(1)} ${y(v).toFixed(1)}`;
      pen = "L";
    });
    svg.append(draw("path", { class: "curve", d: path, stroke: `var(--${c.colour})`, "stroke-dasharray": c.dash || null }));
    const at = c.ys.findLast((v) => v !== null);
    if (named && at !== undefined) ends.push({ c, y: y(at) });
  }
  ends.sort((a, b) => a.y - b.y);
  ends.forEach((end, i) => { if (i) end.y = Math.max(end.y, ends[i - 1].y + 13); });
  for (let i = ends.length - 1, floor = HEIGHT - BOTTOM + 4; i >= 0; i--, floor -= 13) ends[i].y = Math.min(ends[i].y, floor);
  for (const end of ends) {
    const text = draw("text", { class: "name", x: right + 7, y: end.y + 4 }, end.c.name);
    text.style.fill = `var(--${end.c.colour})`;
    svg.append(text);
  }
  const cursor = draw("line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM });
  const dots = curves.map((c) => draw("circle", { class: "dot", r: 4, fill: `var(--${c.colour})` }));
  svg.append(cursor, ...dots);
  const seek = (event) => {
    const box = svg.getBoundingClientRect();
    const epoch = (((event.clientX - box.left) / box.width) * WIDTH - LEFT) / (right - LEFT) * last;
    go(DATA.frames.reduce((best, e, i) => (Math.abs(e - epoch) < Math.abs(DATA.frames[best] - epoch) ? i : best), 0));
  };
  svg.addEventListener("pointerdown", (event) => { pause(); seek(event); });
  svg.addEventListener("pointermove", (event) => { if (event.buttons) seek(event); });
  const note = card(unit ? `${title} (${unit})` : title, kind, svg);
  const scale = log ? ", logarithmic scale" : "";
  views.push((k) => {
    const epoch = DATA.frames[k];
    cursor.setAttribute("x1", x(epoch));
    cursor.setAttribute("x2", x(epoch));
    const now = curves.map((c) => { const i = c.xs.indexOf(epoch); return i < 0 ? undefined : c.ys[i]; });
    dots.forEach((dot, i) => {
      dot.toggleAttribute("hidden", now[i] === undefined || now[i] === null);
      if (now[i] !== undefined && now[i] !== null) { dot.setAttribute("cx", x(epoch)); dot.setAttribute("cy", y(now[i])); }
    });
    note.textContent = tell(now) + scale;
    svg.setAttribute("aria-label", `${title}: ${tell(now)} at epoch ${epoch}`);
  });
}

const DASHES = ["", "7 3", "2 3", "9 3 2 3", "4 2", "12 4", "1 2", "6 2 1 2 1 2"];

function lossChart() {
  const xs = DATA.loss.map((_, i) => i + 1);
  const curves = [{ name: "training", xs, ys: DATA.loss, colour: "c1" }];
  if (DATA.validation.length) curves.push({ name: "validation", xs, ys: DATA.validation, colour: "c0", dash: "7 3" });
  chart("Loss", "mean over the rows of an epoch", "", curves, (now) =>
    now[0] === undefined ? "before training" : curves.map((c, i) => `${c.name} ${shown(now[i])}`).join(", "));
}

function normChart(title, unit, lists) {
  const curves = DATA.norms.names.map((name, i) => (
    { name: short(name), xs: DATA.frames, ys: lists[i], colour: `c${(i + 1) % 10}`, dash: DASHES[i % DASHES.length] }));
  chart(title, unit, "", curves.slice(0, 12), (now) => now.slice(0, 4).map((v, i) => `${curves[i].name} ${shown(v, 3)}`).join(", ") + (now.length > 4 ? ", ..." : ""));
}

const short = (name) => (name.replace(/\.?weight$/, "") || name).slice(0, 20);

// ---- weights ----

for (const layer of DATA.network.layers) {
  const bytes = bytesOf(layer.values);
  layer.array = layer.kind === "f4" ? new Float32Array(bytes.buffer) : new Int8Array(bytes.buffer);
  layer.scale = layer.kind === "f4" ? 1 : layer.largest / 127;
  layer.size = layer.rows * layer.columns;
}

/** The weight from input `i` to unit `j` at a frame; of a reduced matrix the one that stands for it. */
const weight = (layer, k, i, j) => layer.array[k * layer.size + i * layer.columns + j] * layer.scale;

const few = () => {
  const { layers, chain } = DATA.network;
  return chain && layers.length && layers.length <= 7 && layers.every((l) => l.kind === "f4" && l.inputs <= 20 && l.outputs <= 20);
};

/** Units as circles, weights as lines: blue and whole where positive, orange and dashed where negative. */
function networkCard() {
  const { layers, biases } = DATA.network;
  const widths = [layers[0].inputs, ...layers.map((l) => l.outputs)];
  const W = 560, H = Math.max(260, Math.min(470, 40 + 28 * Math.max(...widths)));
  const column = (c) => 44 + (c * (W - 88)) / layers.length;
  const row = (c, i) => 34 + ((H - 48) * (i + 0.5)) / widths[c];
  const svg = draw("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", class: "fill" });
  const heads = ["inputs", ...layers.map((l) => short(l.name))];
  heads.forEach((head, c) => svg.append(draw("text", { class: "name", x: column(c), y: 14, "text-anchor": "middle" }, head)));
  const edges = [], units = [];
  layers.forEach((layer, c) => {
    for (let i = 0; i < layer.inputs; i++) for (let j = 0; j < layer.outputs; j++) {
      const title = draw("title");
      const line = draw("line", { x1: column(c), y1: row(c, i), x2: column(c + 1), y2: row(c + 1, j) }, title);
      edges.push({ line, title, layer, i, j });
      svg.append(line);
    }
  });
  widths.forEach((width, c) => {
    for (let j = 0; j < width; j++) {
      const title = draw("title", {}, c ? "" : `input ${j}`);
      const unit = draw("circle", { class: "unit", cx: column(c), cy: row(c, j), r: Math.min(9, 130 / width + 2), fill: "var(--paper)" }, title);
      if (c) units.push({ unit, title, c: c - 1, j });
      svg.append(unit);
    }
  });
  const note = card("Weights", "", svg);
  const most = Math.max(1e-12, ...biases.filter(Boolean).flat(2).map((b) => Math.abs(b ?? 0)));
  views.push((k) => {
    for (const { line, title, layer, i, j } of edges) {
      const w = weight(layer, k, i, j), share = Math.min(1, Math.abs(w) / (layer.largest || 1));
      line.setAttribute("class", w < 0 ? "less" : "more");
      line.setAttribute("stroke-width", (0.4 + 4.2 * share).toFixed(2));
      line.setAttribute("stroke-opacity", (0.12 + 0.83 * share).toFixed(2));
      title.textContent = `${layer.name}[${i}, ${j}] = ${shown(w)}`;
    }
    for (const { unit, title, c, j } of units) {
      const b = biases[c] ? biases[c][k][j] : null;
      unit.setAttribute("fill", b === null ? "var(--paper)" : css(signed(b / most)));
      title.textContent = `${short(layers[c].name)}, unit ${j}${b === null ? "" : `: bias ${shown(b)}`}`;
    }
    const peaks = layers.map((l) => `${short(l.name)} ${shown(peak(l, k), 3)}`).join(", ");
    note.textContent = "Blue, whole line: positive; orange, dashed: negative; width: size within a layer. Fill of a unit: its bias.";
    svg.setAttribute("aria-label", `Weights of the network. The largest of each layer: ${peaks}`);
  });
}

function peak(layer, k) {
  let most = 0;
  for (let n = 0; n < layer.size; n++) most = Math.max(most, Math.abs(layer.array[k * layer.size + n]));
  return most * layer.scale;
}

function pixels(canvas, width, height, zoom, pick) {
  canvas.width = width;
  canvas.height = height;
  canvas.style.width = `${width * zoom}px`;
  canvas.style.maxWidth = "100%";
  const context = canvas.getContext("2d"), image = context.createImageData(width, height);
  for (let r = 0, n = 0; r < height; r++) for (let c = 0; c < width; c++, n += 4) {
    const rgb = pick(r, c);
    image.data[n] = rgb[0]; image.data[n + 1] = rgb[1]; image.data[n + 2] = rgb[2]; image.data[n + 3] = rgb === CLEAR ? 0 : 255;
  }
  context.putImageData(image, 0, 0);
}

const CLEAR = [0, 0, 0];

/** signed(t) in 255 steps, for canvases. */
function ramp() {
  const table = Array.from({ length: 255 }, (_, i) => signed((i - 127) / 127));
  return (t) => table[Math.round(Math.max(-1, Math.min(1, t || 0)) * 127) + 127];
}

function matricesCard() {
  const row = make("div", { class: "matrices fill" });
  const parts = DATA.network.layers.map((layer) => {
    const canvas = make("canvas", { role: "img" });
    const reduced = layer.rows < layer.inputs || layer.columns < layer.outputs ? ", the largest of each block" : "";
    row.append(make("div", {}, make("h3", {}, `${layer.name}: ${layer.inputs} × ${layer.outputs}${reduced}`), canvas));
    return { layer, canvas, zoom: Math.max(2, Math.min(14, Math.floor(260 / Math.max(layer.rows, layer.columns)))) };
  });
  const note = card("Weights", DATA.network.layers.length > 3 ? "wide" : "", row);
  views.push((k) => {
    const shade = ramp();
    for (const { layer, canvas, zoom } of parts) {
      pixels(canvas, layer.columns, layer.rows, zoom, (r, c) => shade(weight(layer, k, r, c) / layer.largest));
      canvas.setAttribute("aria-label", `${layer.name}, largest weight ${shown(peak(layer, k), 3)}`);
    }
    note.textContent = "A row for each input, a column for each unit. Blue: positive, orange: negative; full colour: the largest ever: "
      + parts.map(({ layer }) => `${short(layer.name)} ±${shown(layer.largest, 3)}`).join(", ");
  });
}

/** What each unit of the first layer looks for: its weights, as an image. */
function imagesCard() {
  const [height, width] = DATA.image, layer = DATA.network.layers[0], count = layer.columns;
  const across = Math.min(count, Math.ceil(Math.sqrt(count * 1.6))), down = Math.ceil(count / across);
  const canvas = make("canvas", { role: "img" });
  const note = card("What the first layer looks for", "", make("div", { class: "matrices fill" }, canvas));
  canvas.style.border = "0";
  views.push((k) => {
    const shade = ramp();
    const zoom = Math.max(1, Math.floor(500 / (across * (width + 1))));
    pixels(canvas, across * (width + 1) - 1, down * (height + 1) - 1, zoom, (r, c) => {
      const i = r % (height + 1), j = c % (width + 1);
      const unit = Math.floor(r / (height + 1)) * across + Math.floor(c / (width + 1));
      return i === height || j === width || unit >= count ? CLEAR : shade(weight(layer, k, i * width + j, unit) / layer.largest);
    });
    note.textContent = `${count} units of ${short(layer.name)}, the weights of each as an image of ${height} × ${width}: blue where it wants ink, orange where not.`;
    canvas.setAttribute("aria-label", `${note.textContent} Largest weight ${shown(peak(layer, k), 3)}.`);
  });
}

// ---- the plane of two inputs ----

function planeCard() {
  const P = DATA.plane, G = P.grid, values = bytesOf(P.values), wrong = bytesOf(P.wrong);
  const stride = Math.ceil(P.points.length / 8), area = G * G;
  const canvas = make("canvas", { class: "plane", role: "img" });
  const note = card(P.classes.length ? "Decision boundary" : "Output over the plane", "", canvas);
  const S = 560, L = 46, B = 40, T = 6, R = 8, K = 2; // drawn at twice the size, for sharp screens
  const x = (v) => L + ((v - P.x[0]) / (P.x[1] - P.x[0])) * (S - L - R);
  const y = (v) => S - B - ((v - P.y[0]) / (P.y[1] - P.y[0])) * (S - B - T);
  const edge = P.boundary ?? (P.low + P.high) / 2;
  const reach = Math.max(P.high - edge, edge - P.low) || 1;
  const output = (byte) => P.low + (byte / 255) * (P.high - P.low);
  const spread = P.marks.length ? [Math.min(...P.marks), Math.max(...P.marks)] : [0, 1];
  canvas.width = canvas.height = S * K;

  const fill = (byte) => {
    if (P.single) return signed(((output(byte) - edge) / reach) * 0.75);
    const steps = P.levels + 1;
    return blend(colour("none"), colour(`c${Math.floor(byte / steps) % 10}`), 0.2 + 0.5 * ((byte % steps) / P.levels));
  };
  const field = make("canvas", { width: G, height: G });

  function surface(c, k) {
    const table = Array.from({ length: 256 }, (_, i) => fill(i));
    const image = field.getContext("2d").createImageData(G, G);
    for (let r = 0; r < G; r++) for (let i = 0; i < G; i++) {
      const rgb = table[values[k * area + (G - 1 - r) * G + i]], n = (r * G + i) * 4;
      image.data[n] = rgb[0]; image.data[n + 1] = rgb[1]; image.data[n + 2] = rgb[2]; image.data[n + 3] = 255;
    }
    field.getContext("2d").putImageData(image, 0, 0);
    c.save();
    c.beginPath();
    c.rect(L, T, S - L - R, S - B - T);
    c.clip();
    c.imageSmoothingEnabled = P.single;
    c.imageSmoothingQuality = "high";
    const w = (S - L - R) / (G - 1), h = (S - B - T) / (G - 1); // grid points stand on the rim
    c.drawImage(field, L - w / 2, T - h / 2, w * G, h * G);
    if (P.single) contour(c, k);
    c.restore();
  }

  /** Where the output passes the boundary: straight pieces through the cells of the grid. */
  function contour(c, k) {
    const level = ((edge - P.low) / (P.high - P.low || 1)) * 255;
    const at = (i, j) => values[k * area + j * G + i];
    const px = (i) => L + (i / (G - 1)) * (S - L - R), py = (j) => S - B - (j / (G - 1)) * (S - B - T);
    c.beginPath();
    for (let j = 0; j < G - 1; j++) for (let i = 0; i < G - 1; i++) {
      const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]], cuts = [];
      for (let s = 0; s < 4; s++) {
        const [a, b] = [corners[s], corners[(s + 1) % 4]], va = at(...a), vb = at(...b);
        if (va > level !== vb > level) {
          const t = (level - va) / (vb - va);
          cuts.push([px(a[0] + (b[0] - a[0]) * t), py(a[1] + (b[1] - a[1]) * t)]);
        }
      }
      for (let s = 0; s + 1 < cuts.length; s += 2) { c.moveTo(...cuts[s]); c.lineTo(...cuts[s + 1]); }
    }
    c.lineWidth = 2;
    c.strokeStyle = css(colour("ink"));
    c.stroke();
  }

  function axes(c) {
    c.strokeStyle = css(colour("rule"));
    c.fillStyle = css(colour("quiet"));
    c.font = "12px system-ui, sans-serif";
    c.lineWidth = 1;
    c.strokeRect(L, T, S - L - R, S - B - T);
    c.textAlign = "center";
    for (const v of steps(P.x[0], P.x[1], 6)) c.fillText(plain(v), x(v), S - B + 17);
    c.fillText("input 0", (L + S - R) / 2, S - 4);
    c.textAlign = "right";
    for (const v of steps(P.y[0], P.y[1], 6)) c.fillText(plain(v), L - 7, y(v) + 4);
    c.save();
    c.translate(11, (T + S - B) / 2);
    c.rotate(-Math.PI / 2);
    c.textAlign = "center";
    c.fillText("input 1", 0, 0);
    c.restore();
  }

  function mark(c, kind, px, py, r) {
    c.beginPath();
    if (kind % 4 === 0) c.arc(px, py, r, 0, 7);
    else if (kind % 4 === 1) { c.moveTo(px, py - r * 1.3); c.lineTo(px + r * 1.25, py + r); c.lineTo(px - r * 1.25, py + r); c.closePath(); }
    else if (kind % 4 === 2) c.rect(px - r * 0.9, py - r * 0.9, r * 1.8, r * 1.8);
    else { c.moveTo(px, py - r * 1.35); c.lineTo(px + r * 1.35, py); c.lineTo(px, py + r * 1.35); c.lineTo(px - r * 1.35, py); c.closePath(); }
  }

  function points(c, k) {
    const r = P.points.length > 300 ? 3.2 : 4.4;
    c.lineWidth = 1.1;
    P.points.forEach(([a, b], n) => {
      const kind = P.classes.length ? P.marks[n] : 0;
      const value = P.classes.length ? null : ((P.marks[n] - edge) / reach) * 0.75;
      mark(c, kind, x(a), y(b), r);
      c.fillStyle = css(P.classes.length ? colour(`c${kind % 10}`) : P.marks.length ? signed(value) : colour("ink"));
      c.fill();
      c.strokeStyle = css(P.classes.length ? colour("paper") : colour("quiet"));
      c.stroke();
    });
    c.lineWidth = 1.6;
    c.strokeStyle = css(colour("ink"));
    if (wrong.length) P.points.forEach(([a, b], n) => {
      if (!missed(k, n)) return;
      c.beginPath();
      c.arc(x(a), y(b), r + 3, 0, 7);
      c.stroke();
    });
  }

  const missed = (k, n) => (wrong[k * stride + (n >> 3)] >> (7 - (n & 7))) & 1;
  const signs = ["●", "▲", "■", "◆"];
  const legend = P.classes.map((name, i) => `${signs[i % 4]} ${name}`).slice(0, 10).join("  ");
  views.push((k) => {
    const c = canvas.getContext("2d");
    c.setTransform(K, 0, 0, K, 0, 0);
    c.clearRect(0, 0, S, S);
    surface(c, k);
    axes(c);
    points(c, k);
    let count = 0;
    if (wrong.length) P.points.forEach((_, n) => { count += missed(k, n); });
    const line = P.single ? `line: output ${plain(Number(edge.toPrecision(4)))}; colour: output from ${shown(P.low, 3)} (orange) to ${shown(P.high, 3)} (blue)` : "colour: the class, stronger where it is surer";
    const ringed = wrong.length ? `; ${count} of ${P.points.length} shown on the wrong side, ringed` : "";
    note.textContent = `${legend ? `${legend};  ` : ""}${line}${ringed}`;
    canvas.setAttribute("aria-label", `Outputs over the plane of the two inputs at epoch ${DATA.frames[k]}. ${note.textContent}`);
  });
}

// ---- the numbers ----

function sheet() {
  const heads = ["epoch", "loss", ...(DATA.validation.length ? ["validation loss"] : []), ...(DATA.score ? [DATA.score.name] : []),
    ...DATA.norms.names.map((n) => `norm of ${n}`), ...(DATA.norms.gradients ? DATA.norms.names.map((n) => `gradient of ${n}`) : [])];
  const rows = DATA.frames.map((epoch, k) => {
    const cells = [String(epoch), epoch ? shown(DATA.loss[epoch - 1], 6) : "", ...(DATA.validation.length ? [epoch ? shown(DATA.validation[epoch - 1], 6) : ""] : []),
      ...(DATA.score ? [shown(DATA.score.values[k], 6)] : []), ...DATA.norms.weights.map((list) => shown(list[k], 6)),
      ...(DATA.norms.gradients ?? []).map((list) => shown(list[k], 6))];
    return make("tr", {}, ...cells.map((text) => make("td", {}, text)));
  });
  $("sheet").append(make("table", {}, make("thead", {}, make("tr", {}, ...heads.map((h) => make("th", { scope: "col" }, h)))), make("tbody", {}, ...rows)));
  views.push((k) => rows.forEach((row, i) => { if (i === k) row.setAttribute("aria-current", "true"); else row.removeAttribute("aria-current"); }));
}

// ---- playing ----

function told(k) {
  const epoch = DATA.frames[k], parts = [`epoch ${epoch} of ${DATA.frames[N - 1]}`];
  parts.push(epoch ? `loss ${shown(DATA.loss[epoch - 1])}` : "before training");
  if (DATA.score) parts.push(DATA.score.name === "accuracy" ? `accuracy ${(100 * DATA.score.values[k]).toFixed(1)} %` : `error ${shown(DATA.score.values[k])}`);
  return parts.join(", ");
}

function go(k) {
  frame = Math.max(0, Math.min(N - 1, k));
  $("scrub").value = frame;
  $("now").textContent = told(frame).replaceAll(", ", "  ·  ");
  $("scrub").setAttribute("aria-valuetext", told(frame));
  $("back").disabled = frame === 0;
  $("on").disabled = frame === N - 1;
  for (const view of views) view(frame);
}

const button = () => { $("play").textContent = timer ? "❚❚ pause" : "▶ play"; $("play").setAttribute("aria-label", timer ? "pause" : "play"); };

function pause() {
  clearInterval(timer);
  if (timer) $("told").textContent = told(frame);
  timer = 0;
  button();
}

function play() {
  if (frame === N - 1) go(0);
  timer = setInterval(() => { if (frame < N - 1) go(frame + 1); if (frame >= N - 1) pause(); }, 1000 / Number($("speed").value));
  button();
}

const toggle = () => (timer ? pause() : play());
$("play").addEventListener("click", toggle);
$("back").addEventListener("click", () => { pause(); go(frame - 1); });
$("on").addEventListener("click", () => { pause(); go(frame + 1); });
$("scrub").addEventListener("input", () => { pause(); go(Number($("scrub").value)); });
$("speed").addEventListener("change", () => { if (timer) { pause(); play(); } });
document.addEventListener("keydown", (event) => {
  const at = event.target, held = event.ctrlKey || event.metaKey || event.altKey;
  if (held || at.tagName === "SELECT" || at.id === "sheet") return;
  if (event.key === " " && (at.tagName === "BUTTON" || at.tagName === "SUMMARY")) return; // it presses that one
  const far = event.shiftKey ? 10 : 1;
  const does = { " ": toggle, ArrowLeft: () => go(frame - far), ArrowRight: () => go(frame + far), Home: () => go(0), End: () => go(N - 1) }[event.key];
  if (!does) return;
  event.preventDefault();
  if (event.key !== " ") pause();
  does();
  if (event.key !== " ") $("told").textContent = told(frame);
});

function recolour() { known.clear(); go(frame); }
document.addEventListener("theme", recolour);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);

if (DATA.plane) planeCard();
if (few()) networkCard();
else if (DATA.network.layers.length) matricesCard();
if (DATA.image) imagesCard();
if (DATA.loss.length) lossChart();
if (DATA.score) chart(DATA.score.name === "accuracy" ? "Accuracy" : "Root mean square error", "over the data", "", [{ name: "", xs: DATA.frames, ys: DATA.score.values, colour: "c2" }], (now) => (DATA.score.name === "accuracy" && now[0] !== null ? `${(100 * now[0]).toFixed(2)} % of the rows` : shown(now[0])), DATA.score.name === "accuracy");
if (DATA.norms.names.length) normChart("Norm of the weights", "Euclidean", DATA.norms.weights);
if (DATA.norms.gradients) normChart("Norm of the gradients", "over the data", DATA.norms.gradients);
sheet();
$("scrub").max = N - 1;
button();
go(0);
