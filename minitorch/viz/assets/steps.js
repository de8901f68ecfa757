// Step through the plan: forward, backward, update; by buttons, by keys, or by itself.

const SPEED = 900; // milliseconds a step
let playing = null;

function renderSteps() {
  const bar = $("steps");
  if (!DATA.steps.length) { bar.hidden = true; return; }
  const button = (id, text, label, act) => make("button", { type: "button", id, "aria-label": label, title: label, onclick: act }, text);
  const phases = make("div", { id: "phases", "aria-hidden": "true" }, ...runs().map(([phase, count]) => {
    const part = make("i", { class: phase });
    part.style.flex = count;
    return part;
  }));
  const slider = make(
    "input",
    {
      type: "range", id: "slider", min: -1, max: DATA.steps.length - 1, value: state.step, "aria-label": "Step of the plan",
      oninput: (e) => goTo(+e.target.value),
    },
  );
  bar.replaceChildren(
    make(
      "div", { class: "group" }, button("first", "|◀", "First step (Home)", () => goTo(0)),
      button("back", "◀", "One step back (←)", () => goTo(state.step - 1)), button("play", "▶ play", "Play or pause (space)", togglePlay),
      button("next", "▶", "One step on (→)", () => goTo(state.step + 1)),
      button("last", "▶|", "Last step (End)", () => goTo(DATA.steps.length - 1)),
    ),
    make(
      "div", { id: "track" }, slider, phases,
    ), make("span", { id: "at", class: "quiet" }), make("span", { id: "phase" }), make("code", { id: "said" }));
  updateSteps();
}

function runs() {
  const found = [];
  for (const [phase] of DATA.steps) {
    if (found.length && found.at(-1)[0] === phase) found.at(-1)[1]++;
    else found.push([phase, 1]);
  }
  return found;
}

function goTo(step) {
  step = Math.max(-1, Math.min(DATA.steps.length - 1, step));
  change({ step, stage: LAST, before: false });
  if (step < 0) { chooseNode(null); return; }
  chooseStep(step);
  reveal(DATA.steps[step][STEP_NODES][0]);
  const row = DATA.steps[step], figure = figureOf(row[STEP_NODES][0]);
  const value = figure && !hidden(row[STEP_NODES][0]) ? `, ${valueText(figure)}` : "";
  say(`step ${step + 1} of ${DATA.steps.length}, ${row[PHASE]}: ${row[STEP_TEXT]}${value}`);
}

function updateSteps() {
  if (!DATA.steps.length) return;
  const row = DATA.steps[state.step];
  $("slider").value = state.step;
  $("slider").setAttribute("aria-valuetext", row ? `step ${state.step + 1}, ${row[PHASE]}` : "before the first step");
  $("at").textContent = row ? `${state.step + 1} / ${DATA.steps.length}` : `${DATA.steps.length} steps`;
  $("phase").textContent = row ? (row[PHASE] === "bind" ? "once a size" : row[PHASE]) : "";
  $("said").textContent = row ? `${row[STEP_TEXT]}${row[MEMORY] ? `   — ${row[MEMORY]}` : ""}` : "";
  $("said").title = $("said").textContent;
  $("play").textContent = playing ? "⏸ pause" : "▶ play";
  $("back").disabled = $("first").disabled = state.step < 0;
  $("next").disabled = $("last").disabled = state.step >= DATA.steps.length - 1;
}

function togglePlay() {
  if (playing) {
    clearInterval(playing);
    playing = null;
  } else {
    if (state.step >= DATA.steps.length - 1) goTo(-1);
    playing = setInterval(() => {
      if (state.step >= DATA.steps.length - 1) togglePlay();
      else goTo(state.step + 1);
    }, SPEED);
  }
  updateSteps();
}
