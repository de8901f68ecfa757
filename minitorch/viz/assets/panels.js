// The panels beside the graph: stages, your lines, the reasons of a pass, what a node is, the generated code.

function renderStages() {
  $("stages").replaceChildren(...DATA.stages.map((stage, i) => {
    const like = stage.like !== undefined && stage.name !== "plan";
    const what = like ? "changed nothing" : `${stage.count} nodes`;
    return make(
      "button",
      {
        type: "button", role: "tab", id: `stage-${i}`, class: like ? "like" : "", "aria-selected": String(i === state.stage),
        "aria-controls": "graph", tabindex: i === state.stage ? 0 : -1, title: `${stage.what} ${like ? "It changed nothing here." : ""}`,
        onclick: () => showStage(i),
      },
      stage.title, make("small", { "aria-label": what }, like ? "=" : stage.count));
  }));
  $(`stage-${state.stage}`).scrollIntoView({ block: "nearest", inline: "nearest" });
}

function showStage(stage) {
  change({ stage, before: false });
  say(`${stageOf(stage).title}: ${stageOf(stage).what}`);
}

function renderViews() {
  const stage = stageOf(state.stage), pass = stage.parents !== undefined && stage.name !== "differentiate";
  const button = (before, text) => make(
    "button",
    {
      type: "button", id: before ? "view-before" : "view-after", "aria-pressed": String(state.before === before),
      onclick: () => change({ before }),
    },
    text,
  );
  $("views").replaceChildren(...(pass ? [button(true, "before"), button(false, "after")] : []));
  $("graph-title").textContent = stage.title;
  $("counts").textContent = `${shownStage().count ?? stage.count} nodes`;
  $("fold").hidden = !shownStage().frames.length;
  $("fold").textContent = state.closed.size ? "open modules" : "close modules";
}

// ---- your lines, and the generated code: rows that light up ----

function renderLines() {
  const rows = DATA.files.flatMap((file) => [make("div", { class: "file" }, file.name), ...withGaps(file.lines, ([n, text, line]) =>
    line < 0 ? make("div", { class: "line plain" }, make("i", {}, n), make("span", {}, text))
      : make(
        "button",
        {
          type: "button", class: "line", "data-line": line, "aria-label": `${file.name} line ${n}: ${text.trim()}`,
          onclick: () => chooseLine(line),
        },
        make("i", {}, n), make("span", {}, text),
      ))]);
  $("lines-list").replaceChildren(...rows);
}

function renderCode() {
  $("code-title").textContent = `Generated code (${DATA.backend})`;
  const rows = withGaps(DATA.code, ([n, text, instructions]) => {
    const steps = instructions.map((i) => stepOfInstruction.get(i)).filter((s) => s !== undefined);
    const said = /^\s*(#|\/\/)/.test(text) ? " said" : "";
    if (!steps.length) return make("div", { class: `line plain${said}` }, make("i", {}, n), make("span", {}, text));
    return make(
      "button", { type: "button", class: `line${said}`, "data-steps": steps.join(" "), onclick: () => chooseStep(steps[0]) },
      make("i", {}, n), make("span", {}, text),
    );
  });
  $("code-list").replaceChildren(...(rows.length ? rows : [make("p", { class: "gap" }, "the interpreter generates none")]));
}

function withGaps(lines, row) {
  let last = 0;
  return lines.flatMap((line) => {
    const gap = line[0] > last + 2 && last ? [make("div", { class: "gap", "aria-hidden": "true" }, `⋯ ${line[0] - last - 1} lines`)] : [];
    last = line[0];
    return [...gap, row(line)];
  });
}

function updateRows() {
  const mark = (list, on) => {
    let first = null;
    for (const row of list.querySelectorAll("button.line")) {
      const lit_ = on(row);
      row.classList.toggle("lit", lit_);
      if (lit_ && !first && !row.classList.contains("said")) first = row;
    }
    const box = list.getBoundingClientRect(), at = first?.getBoundingClientRect();
    if (at && (at.top < box.top || at.bottom > box.bottom)) list.scrollTop += at.top - box.top - box.height / 3;
  };
  mark($("lines-list"), (row) => lit.lines.has(+row.dataset.line));
  mark($("code-list"), (row) => row.dataset.steps.split(" ").some((s) => lit.steps.has(+s)));
}

// ---- what a pass did ----

function renderReasons() {
  const stage = stageOf(state.stage), groups = new Map();
  for (const rewrite of stage.rewrites ?? []) put(groups, rewrite[0], rewrite);
  const rows = [...groups].map(([reason, rewrites]) => reasonRow(reason, rewrites));
  const like = stage.like !== undefined && stage.name !== "plan";
  $("reasons").replaceChildren(
    make("h2", {}, stage.title), make("p", { class: "quiet" }, stage.what, like ? " Here it changed nothing." : ""), ...rows,
  );
}

function reasonRow(reason, rewrites) {
  let turn = -1; // each click shows the next one
  const exact = rewrites[0][3] ? " May change the last bits." : " Holds bit for bit.";
  return make("button", { type: "button", class: "reason", title: `Show where.${exact}`, onclick: () => {
    turn = (turn + 1) % rewrites.length;
    const [, before, after] = rewrites[turn], shown = state.before && before >= 0 ? before : after >= 0 ? after : before;
    if (shown < 0) return;
    if (shown === before && after < 0) change({ before: true });
    chooseNode(shown);
    reveal(shown);
  } }, make("b", {}, `${rewrites.length} × `), reason);
}

// ---- what a node is ----

function renderNode() {
  const node = state.chosen, panel = $("node");
  if (node === null) {
    const hint = lit.lines.size ? `${lit.nodes.size} nodes come from this line, in all stages together.` : "Choose a node, a line or an instruction: what belongs to it lights up.";
    panel.replaceChildren(make("p", { class: "quiet" }, hint));
    return;
  }
  const [title, type, , scope, , full] = DATA.nodes[node], role = roleOf(node), box = boxOf(node);
  panel.replaceChildren(...[
    make("h2", {}, box ? (box[LABEL].startsWith("%") ? `${box[LABEL]}  ${title}` : box[LABEL]) : title),
    make(
      "p", {}, make("span", { class: `tag ${role}` }, role), make("code", {}, type),
      scope ? make("span", { class: "quiet" }, `  ${scope}`) : null,
    ),
    box ? make("code", { class: "block" }, box[TEXT]) : null,
    full ? make("p", { class: "quiet" }, `in one loop: ${full}`) : null,
    make("p", { class: "said", id: "verdict-after", role: "status" }),
    ...rulesOf(node), ...valueSection(node), ...neighbours(node), ...history(node),
  ].filter(Boolean));
}

const boxOf = (node) => nodesOfStage[state.stage].get(node) ?? nodesOfStage.find((boxes) => boxes.has(node))?.get(node);

function rulesOf(node) {
  const rules = [...reach(node, parents)].flatMap((n) => DATA.rules[n] ?? []);
  if (!rules.length) return [];
  const rows = rules.map(
    ([text, of]) => make("code", { class: "block rule" }, text, make("span", { class: "quiet" }, "  for "), linkTo(of))
  );
  const primals = [...new Set((DATA.rules[node] ?? []).map((rule) => rule[2]))];
  const of = primals.length ? [make("p", {}, "gives the gradient of ", ...primals.map((n) => linkTo(n)))] : [];
  return [...of, make("h3", {}, rules.length > 1 ? "the rules that made this gradient" : "the rule that made this gradient"), ...rows];
}

function neighbours(node) {
  const stage = stageOf(
    sceneNumber(nodesOfStage[state.stage].has(node) ? state.stage : nodesOfStage.findIndex((boxes) => boxes.has(node)))
  );
  if (!stage?.arrows) return [];
  const sources = new Set(), readers = new Set();
  for (const [a, b, writes] of stage.arrows) {
    const from = stage.boxes[a][NODE], to = stage.boxes[b][NODE];
    if (to === node && !writes) sources.add(from);
    if (from === node) readers.add(to);
  }
  return [...listOf("reads", [...sources]), ...listOf("read by", [...readers])];
}

const listOf = (name, nodes) => (nodes.length ? [make("h3", {}, name), make("div", {}, ...nodes.slice(0, 40).map((n) => linkTo(n)))] : []);

/** What a node was in each stage before, and what it became in each after. */
function history(node) {
  const whole = new Set([...reach(node, parents), ...reach(node, children)]), rows = [];
  DATA.stages.forEach((stage, i) => {
    if (stage.like !== undefined) return;
    const here = [...nodesOfStage[i].keys()].filter((n) => whole.has(n));
    if (!here.length) return;
    const reasons = new Set(
      (stage.rewrites ?? []).filter(([, before, after]) => whole.has(before) && whole.has(after)).map(([reason]) => reason)
    );
    rows.push(make(
      "div", { class: "chain" }, make("b", {}, stage.title),
      make(
        "span", { class: "links" }, ...here.slice(0, 12).map((n) => linkTo(n, i)),
        ...[...reasons].map((reason) => make("span", { class: "why" }, `because ${reason}`)),
      ),
    ));
  });
  return [make("h3", {}, "through the stages"), ...rows];
}

function linkTo(node, stage = null) {
  const box = stage === null ? boxOf(node) : nodesOfStage[stage].get(node);
  const label = box ? (box[LABEL].startsWith("%") ? `${box[LABEL]} ${DATA.nodes[node][TITLE]}` : box[LABEL]) : DATA.nodes[node][TITLE];
  return make("button", { type: "button", class: "link", "data-to": node, onclick: () => {
    if (stage !== null || !nodesOfStage[state.stage].has(node)) {
      const at = stage ?? nodesOfStage.findIndex((boxes) => boxes.has(node));
      if (at >= 0) change({ stage: at, before: false });
    }
    chooseNode(node);
    reveal(node);
  } }, short(label, 44));
}
