// What the page shows now, and how nodes, lines and instructions hang together.

const ROLE = DATA.roles;
const TITLE = 0, TYPE = 1, ROLE_AT = 2, SCOPE = 3, LINES = 4, FULL = 5; // of a node
const NODE = 0, LABEL = 1, X = 2, Y = 3, WIDTH = 4, FRAME = 5, CALL = 6, TEXT = 7, OUTPUT = 8; // of a box
const PHASE = 0, STEP_TEXT = 1, STEP_NODES = 2, MEMORY = 3, INSTRUCTION = 4; // of a step
const HEIGHT = 36;
const LAST = DATA.stages.length - 1;
const HAS_RUN = DATA.figure !== undefined;

const state = {
  stage: Math.min(1, LAST), before: false, chosen: null, step: -1, closed: new Set(), flow: false, predict: false,
  revealed: new Set(), found: null,
};
const lit = { nodes: new Set(), lines: new Set(), steps: new Set() };
const listeners = [];

/** Change what is shown; everything that shows it is told which parts changed. */
function change(patch) {
  Object.assign(state, patch);
  for (const listener of listeners) listener(new Set(Object.keys(patch)));
}

const stageOf = (number) => DATA.stages[number];
const sceneNumber = (number) => stageOf(number).like ?? number;
/** The stage whose boxes are on the canvas: that before the pass where "before" is chosen. */
const shownStage = () => stageOf(sceneNumber(state.before ? state.stage - 1 : state.stage));
const figureOf = (node) => (HAS_RUN && DATA.figure[node] !== undefined ? DATA.figures[DATA.figure[node]] : null);
const say = (text) => { $("live").textContent = text; };

// ---- where nodes come from and what they become ----

const parents = new Map(), children = new Map();
for (const stage of DATA.stages) {
  for (const [child, sources] of Object.entries(stage.parents ?? {})) {
    for (const source of sources) {
      put(parents, +child, source);
      put(children, source, +child);
    }
  }
}

function put(map, key, value) {
  if (!map.has(key)) map.set(key, []);
  if (!map.get(key).includes(value)) map.get(key).push(value);
}

/** A node and everything that it comes from (or becomes), through all stages. */
function reach(start, relation) {
  const seen = new Set([start]), stack = [start];
  while (stack.length) {
    for (const next of relation.get(stack.pop()) ?? []) {
      if (!seen.has(next)) { seen.add(next); stack.push(next); }
    }
  }
  return seen;
}

const nodesOfStage = DATA.stages.map((_, i) => new Map((stageOf(sceneNumber(i)).boxes ?? []).map((box) => [box[NODE], box])));
const stepsOfNode = new Map();
DATA.steps.forEach((step, i) => step[STEP_NODES].forEach((node) => put(stepsOfNode, node, i)));
const stepOfInstruction = new Map(DATA.steps.map((step, i) => [step[INSTRUCTION], i]));
const nodesOfLine = new Map();
DATA.nodes.forEach((node, i) => node[LINES].forEach((line) => put(nodesOfLine, line, i)));

// ---- choosing: a node, a line or an instruction lights up the others ----

function chooseNode(node) {
  light(node === null ? [] : [node], node === null ? [] : DATA.nodes[node][LINES]);
  change({ chosen: node });
  if (node !== null) say(`${DATA.nodes[node][TITLE]}, ${ROLE[DATA.nodes[node][ROLE_AT]]}, ${DATA.nodes[node][TYPE]}`);
}

function chooseLine(line) {
  light(nodesOfLine.get(line) ?? [], [line]);
  change({ chosen: null });
  say(`${lit.nodes.size} nodes come from this line, in all stages together`);
}

function chooseStep(step) {
  const nodes = DATA.steps[step][STEP_NODES];
  light(nodes, nodes.flatMap((node) => DATA.nodes[node][LINES]));
  change({ chosen: nodes[0] });
}

function light(nodes, lines) {
  lit.nodes = new Set(nodes.flatMap((node) => [...reach(node, parents), ...reach(node, children)]));
  lit.lines = new Set(lines);
  lit.steps = new Set(nodes.flatMap((node) => [...reach(node, children)].flatMap((n) => stepsOfNode.get(n) ?? [])));
}
