// Arrows that run through no box: out of the row, upright where nothing stands, and into the row of the target.

const ROW_GAP = 26, CLEAR = 7, NEXT = 5; // between rows, beside a box, between two lines

class Router {
  constructor(boxes) {
    this.rects = boxes.filter((box) => !box.host).map(edges);
    this.taken = []; // upright pieces: [x, upper end, lower end, from where]
  }

  /** The path of an arrow, curved where it leaves and where it arrives. */
  route(from, to) {
    const a = edges(from), b = edges(to);
    if (Math.abs(a.middle - b.middle) < 1) return this.along(a, b);
    const down = b.middle > a.middle, sign = down ? 1 : -1;
    const y1 = down ? a.bottom : a.top, y2 = down ? b.top - 1 : b.bottom + 1;
    const out = y1 + sign * ROW_GAP, into = y2 - sign * ROW_GAP;
    if ((into - out) * sign <= 0) return `M${a.center} ${y1}${bent(a.center, y1, b.center, y2)}`;
    const x = this.channel(a, b, Math.min(out, into), Math.max(out, into));
    return `M${a.center} ${y1}${bent(a.center, y1, x, out)}V${into}${bent(x, into, b.center, y2)}`;
  }

  /** Between two boxes of a row: straight where nothing stands between them, else below. */
  along(a, b) {
    const right = b.left > a.right, x1 = right ? a.right : a.left, x2 = right ? b.left - 1 : b.right + 1;
    const low = Math.min(x1, x2), high = Math.max(x1, x2);
    const free = !this.rects.some((r) => r.top < a.middle && r.bottom > a.middle && r.left < high - 2 && r.right > low + 2);
    if (free) return `M${x1} ${a.middle}H${x2}`;
    const deep = a.bottom + ROW_GAP;
    return `M${a.center} ${a.bottom}C${a.center} ${deep} ${b.center} ${deep} ${b.center} ${b.bottom + 1}`;
  }

  /** Where a line can run upright: the least way round, and not on another line. */
  channel(a, b, top, bottom) {
    const blocks = merged(this.rects.filter((r) => r.top < bottom && r.bottom > top));
    const beside = blocks.flatMap(([left, right]) => [0, 1, 2, 3].flatMap((k) => [left - k * NEXT, right + k * NEXT]));
    let best = a.center, least = Infinity;
    for (const x of [a.center, b.center, ...beside]) {
      if (blocks.some(([left, right]) => x > left && x < right)) continue;
      const met = this.taken.filter((t) => Math.abs(t[0] - x) < NEXT - 1 && t[1] < bottom && t[2] > top && t[3] !== a.center);
      const cost = Math.abs(x - a.center) + Math.abs(x - b.center) + 30 * met.length;
      if (cost < least) [best, least] = [x, cost];
    }
    this.taken.push([best, top, bottom, a.center]);
    return best;
  }
}

/** From one height to another, upright at both ends. */
function bent(x1, y1, x2, y2) {
  const middle = (y1 + y2) / 2;
  return Math.abs(x1 - x2) < 0.5 ? `V${y2}` : `C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}`;
}

/** What boxes take of the width, with room beside them, from left to right. */
function merged(rects) {
  const spans = rects.map((r) => [r.left - CLEAR, r.right + CLEAR]).sort((p, q) => p[0] - q[0]);
  const found = [];
  for (const [left, right] of spans) {
    const last = found.at(-1);
    if (last && left < last[1]) last[1] = Math.max(last[1], right);
    else found.push([left, right]);
  }
  return found;
}

function edges({ host, x, y, w }) {
  const top = host ? host.y : y, bottom = host ? host.y + SHUT : y + HEIGHT;
  return { left: x, right: x + w, center: x + w / 2, top, bottom, middle: (top + bottom) / 2 };
}
