// The page as a whole: what is drawn anew when something changes, buttons, keys.

const KEYS = [
  ["space", "play or pause the steps"], ["← →", "one step back or on"], ["Home End", "first or last step"], ["/", "search"],
  ["↑ ↓", "from a chosen node to the one above or below"], ["Enter", "choose a node, close or open a module"],
  ["[ ]", "stage before or after"], ["b", "before or after the pass"], ["g", "gradient flow in colour"], ["p", "predict, then reveal"],
  ["m", "close or open all modules"], ["+ − 0", "zoom in, out, show everything"], ["Esc", "choose nothing"], ["?", "this list"],
];

listeners.push((changed) => {
  const any = (...names) => names.some((name) => changed.has(name));
  if (any("stage")) { renderStages(); renderReasons(); }
  if (any("stage", "before", "closed")) { renderViews(); renderScene(); refit(); }
  else if (any("flow")) { renderLegend(marksOf()); updateScene(); }
  else updateScene();
  if (any("stage", "chosen", "predict", "revealed")) { renderNode(); updateRows(); }
  if (any("step", "stage")) updateSteps();
  $("paint").setAttribute("aria-pressed", state.flow);
  $("predict").setAttribute("aria-pressed", state.predict);
});

function search(text) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) { change({ found: null }); return; }
  const found = shownStage().boxes.filter(
    (box) => [box[LABEL], ...DATA.nodes[box[NODE]].filter((part) => typeof part === "string")].join(" ").toLowerCase().includes(wanted)
  );
  change({ found: new Set(found.map((box) => box[NODE])) });
  say(`${found.length} nodes found`);
  if (found.length) reveal(found[0][NODE]);
}

function moveStage(by) { showStage(Math.max(0, Math.min(LAST, state.stage + by))); }

const ACTIONS = {
  " ": togglePlay, ArrowLeft: () => goTo(state.step - 1), ArrowRight: () => goTo(state.step + 1), Home: () => goTo(0), End: () => goTo(DATA.steps.length - 1),
  "/": () => $("search").focus(), "?": () => $("keys").showModal(), Escape: () => {
    $("search").value = "";
    state.found = null;
    chooseNode(null);
  },
  "[": () => moveStage(-1), "]": () => moveStage(1), b: () => { if ($("views").children.length) change({ before: !state.before }); },
  g: () => change({ flow: !state.flow }), p: () => change({ predict: !state.predict, revealed: new Set() }), m: toggleAll,
  "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), 0: fit,
};

document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || $("keys").open) return;
  const at = e.target, typing = at.matches("input:not([type=range]), select, textarea");
  if (typing) {
    if (e.key === "Escape") { at.blur(); if (at.id === "search") ACTIONS.Escape(); }
    return;
  }
  if (at.matches(".node") && ["ArrowUp", "ArrowDown", "Enter"].includes(e.key)) {
    const node = e.key === "Enter" ? +at.dataset.node : neighbour(e.key === "ArrowUp" ? -1 : 1);
    if (node !== null) { chooseNode(node); reveal(node); document.querySelector(`.node[data-node="${node}"]`)?.focus(); }
    e.preventDefault();
    return;
  }
  if (at.matches("[role=tab]") && ["ArrowLeft", "ArrowRight"].includes(e.key)) {
    moveStage(e.key === "ArrowLeft" ? -1 : 1);
    $(`stage-${state.stage}`).focus();
    e.preventDefault();
    return;
  }
  if (e.key === " " && at.matches("button")) return;
  const action = ACTIONS[e.key];
  if (action && DATA.steps.length) { action(); e.preventDefault(); }
});

$("search").addEventListener("input", (e) => search(e.target.value));
$("paint").addEventListener("click", ACTIONS.g);
$("predict").addEventListener("click", ACTIONS.p);
$("fold").addEventListener("click", toggleAll);
$("in").addEventListener("click", ACTIONS["+"]);
$("out").addEventListener("click", ACTIONS["-"]);
$("fit").addEventListener("click", fit);
$("help").addEventListener("click", ACTIONS["?"]);
$("predict").disabled = !HAS_RUN;
$("keys").querySelector("dl").append(...KEYS.flatMap(([key, what]) => [make("dt", {}, key), make("dd", {}, what)]));

const MOST_OPEN = 600; // boxes; a larger graph starts with its modules closed
if (shownStage().boxes.length > MOST_OPEN) toggleAll();
renderStages(); renderViews(); renderLines(); renderCode(); renderReasons(); renderScene(); renderNode(); renderSteps();
startPanning();
refit();
window.addEventListener("resize", fit);
