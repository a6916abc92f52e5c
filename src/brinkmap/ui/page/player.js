"use strict";
// One attack as it is told in events: keeps them, shows any of them, and replays them. It never asks for anything.

/** An element: attributes as properties, children as elements or as text (never as markup). */
function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in made && name !== "role") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

const percent = (share) => (share > 0.9995 ? "> 99.9 %" : share < 0.0005 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`);
const short = (value) => (value === 0 ? "0" : value.toPrecision(3));
const STILL = window.matchMedia("(prefers-reduced-motion: reduce)");
const FRAME_MS = 140;
const PANELS = ["Original", "Distortion added", "Modified", "Where it counts"];

class Player {
  /** @param root where it is built. @param announce told in words what a screen reader is to say. */
  constructor(root, announce) {
    this.root = root;
    this.announce = announce;
    this.clear();
    new ResizeObserver(() => this.redraw()).observe(root);
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
  }

  clear() {
    clearInterval(this.replaying);
    clearInterval(this.frames);
    Object.assign(this, { begun: null, steps: [], ended: null, lost: null, paused: false, at: -1, frame: 0, replaying: 0, frames: 0 });
    this.root.replaceChildren();
  }

  begin(begun) {
    this.clear();
    this.begun = begun;
    this.build();
    this.redraw();
  }

  push(step) {
    const before = this.steps[this.steps.length - 1] || {};
    step.pictures = step.shown || before.pictures || null;
    step.credit = step.map === undefined ? before.credit || null : step.map;
    const following = this.at === this.steps.length - 1;
    this.steps.push(step);
    if (following) this.at = this.steps.length - 1;
    this.slider.max = this.steps.length - 1;
    if (step.flipped && !before.flipped) this.announce(`Changed its mind at query ${step.flipped}.`);
    this.redraw();
  }

  end(ended) {
    this.ended = ended;
    const last = this.steps[this.steps.length - 1];
    if (last && ended.map) last.credit = ended.map;
    this.announce(this.verdict(last).join(" "));
    this.redraw();
  }

  /** The connection is gone before the attack's end was told. */
  lose(why) {
    this.lost = why;
    this.announce(this.verdict(this.steps[this.steps.length - 1]).join(" "));
    this.redraw();
  }

  /** Whether it waits for a command. */
  hold(paused) {
    this.paused = paused;
    this.redraw();
  }

  build() {
    const { begun } = this, rank = begun.rank;
    this.heading = el("p", { className: "verdict" });
    this.detail = el("p", { className: "detail" });
    this.numbers = el("dl", { className: "figures" });
    this.panels = PANELS.map((name) => {
      const canvas = el("canvas", { role: "img" });
      canvas.setAttribute("aria-label", name);
      const title = el("b", {}, name), note = el("span");
      return { canvas, title, note, figure: el("figure", {}, el("figcaption", {}, title, " ", note), canvas) };
    });
    for (const { canvas } of this.panels) {
      if (rank === 1) canvas.style.height = `${Math.min(420, 24 + 92 * begun.shown.leads)}px`;
      else canvas.style.aspectRatio = `${begun.shown.width} / ${begun.shown.height}`;
    }
    this.classes = el("tbody");
    this.course = el("canvas", { role: "img", className: "course" });
    this.root.replaceChildren(
      el("div", { className: "says" }, this.heading, this.detail), this.numbers,
      el("div", { className: `panels rank-${rank}` }, ...this.panels.map((panel) => panel.figure)),
      el("p", { className: "hint legend" }, el("span", { className: "key warm" }), " speaks for the class attacked, ", el("span", { className: "key cold" }), " against it; ",
        el("span", { className: "key touched" }), " touched by the last question."),
      ...(rank === 3 ? [this.clipControls()] : []),
      this.timeline(),
      el("div", { className: "below" },
        el("section", {}, el("h3", {}, "What the classifier says"),
          el("table", { className: "classes" },
            el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "class"), el("th", { scope: "col" }, "share (line: clean)"),
              el("th", { scope: "col", className: "number" }, "now"), el("th", { scope: "col", className: "number" }, "clean"))),
            this.classes)),
        el("section", {}, el("h3", {}, "Every query so far"), this.course,
          el("p", { className: "hint" }, "A dot is a question: filled where the proposal was kept, hollow where it was dropped. The lines are what is kept."))),
      el("p", { className: "hint settings" }, this.settings()));
  }

  settings() {
    const { begun } = this;
    const bounds = [begun.maxL2 ? `L2 at most ${begun.maxL2}` : "no bound on L2", begun.maxLinf ? `Linf at most ${begun.maxLinf}` : ""].filter(Boolean);
    return `Agent ${begun.agent}; filters ${begun.filters.join(", ")}; patch ${begun.patch.join(" and ")} (${begun.cells} cells); `
      + `${bounds.join(", ")}; budget ${begun.budget} queries, then ${begun.refine} to refine; seed ${begun.seed}. `
      + "Distances are on samples scaled to 0..1.";
  }

  clipControls() {
    this.rolling = el("button", { type: "button" }, "Play the clip");
    this.frameSlider = el("input", { type: "range", min: 0, max: this.begun.shown.frames - 1, step: 1, value: 0 });
    this.frameSlider.setAttribute("aria-label", "Frame of the clip");
    this.frameTold = el("span", { className: "told" });
    this.rolling.addEventListener("click", () => this.roll(!this.frames));
    this.frameSlider.addEventListener("input", () => { this.roll(false); this.frame = Number(this.frameSlider.value); this.redraw(); });
    if (!STILL.matches) this.roll(true);
    return el("div", { className: "timeline" }, this.rolling, this.frameSlider, this.frameTold);
  }

  roll(on) {
    clearInterval(this.frames);
    this.frames = on ? setInterval(() => { this.frame = (this.frame + 1) % this.begun.shown.frames; this.redraw(); }, FRAME_MS) : 0;
    this.rolling.textContent = on ? "Hold the clip" : "Play the clip";
  }

  timeline() {
    this.replay = el("button", { type: "button" }, "Replay");
    this.slider = el("input", { type: "range", min: 0, max: 0, step: 1, value: 0 });
    this.slider.setAttribute("aria-label", "Query of the attack");
    this.told = el("span", { className: "told" });
    this.replay.addEventListener("click", () => this.play(!this.replaying));
    this.slider.addEventListener("input", () => { this.play(false); this.at = Number(this.slider.value); this.redraw(); });
    return el("div", { className: "timeline" }, this.replay, this.slider, this.told);
  }

  /** From the start, out of memory: not one request is made. */
  play(on) {
    clearInterval(this.replaying);
    this.replaying = 0;
    this.replay.textContent = on ? "Hold" : "Replay";
    if (!on) return;
    if (this.at >= this.steps.length - 1) this.at = 0;
    const every = Math.min(300, Math.max(40, 15000 / this.steps.length));
    this.replaying = setInterval(() => {
      if (this.at >= this.steps.length - 1) this.play(false);
      else this.at += 1;
      this.redraw();
    }, every);
    this.redraw();
  }

  redraw() {
    if (!this.begun || this.due) return;
    this.due = true;
    requestAnimationFrame(async () => {
      this.due = false;
      if (!this.begun) return;
      const { begun, steps, at } = this, step = steps[at];
      const pictures = step ? step.pictures : null;
      await Draw.ready(begun.shown);
      if (pictures) await Promise.all([Draw.ready(pictures.modified), Draw.ready(pictures.change)]);
      if (begun !== this.begun) return;
      this.say(step);
      if (begun.rank === 1) this.drawSignals(step, pictures);
      else this.drawPictures(step, pictures);
      Draw.course(this.course, steps, at, begun);
      this.course.setAttribute("aria-label", step ? `Course of the attack up to query ${step.queries}: the attacked class's share fell from ${percent(steps[0].own)} to ${percent(step.own)}, L2 rose to ${short(step.l2)}.` : "Course of the attack: no answer yet.");
    });
  }

  drawPictures(step, pictures) {
    const [original, change, modified, heat] = this.panels.map((panel) => panel.canvas), { shown } = this.begun;
    const shape = step && step.credit ? step.credit.shape : this.shape();
    Draw.picture(original, shown, this.frame);
    Draw.change(change, pictures && pictures.change, this.frame, this.ended && this.at === this.steps.length - 1 ? null : step && step.touched, shape);
    Draw.picture(modified, pictures ? pictures.modified : shown, this.frame);
    Draw.mapped(heat, shown, this.frame, step && step.credit);
    if (!this.frameSlider || this.begun.rank !== 3) return;
    this.frameSlider.value = this.frame;
    this.frameTold.textContent = `frame ${this.frame + 1} of ${shown.frames}`;
  }

  /** Places of a map before there is one: as the server has them. */
  shape() {
    const most = { 2: [1, 24, 24], 3: [8, 16, 16] }[this.begun.rank], [, ...extent] = this.begun.shape;
    const sides = this.begun.rank === 2 ? [1, ...extent] : extent;
    return sides.map((side, axis) => Math.min(side, most[axis]));
  }

  drawSignals(step, pictures) {
    const [original, change, modified, heat] = this.panels.map((panel) => panel.canvas), { shown, rate, unit } = this.begun;
    const clean = { shown, colour: "--text", wide: 1.1 };
    Draw.signal(original, [clean], { rate, unit });
    const factor = pictures ? pictures.factor : 1;
    const flat = { ...shown, made: new Float32Array(shown.made.length) };
    const range = (lead) => {
      const own = shown.made.subarray(lead * shown.length, (lead + 1) * shown.length);
      let low = Infinity, high = -Infinity;
      for (const value of own) { low = Math.min(low, value); high = Math.max(high, value); }
      let half = (high - low || 1) / 2 / factor;
      if (pictures) for (const value of pictures.change.made.subarray(lead * shown.length, (lead + 1) * shown.length)) half = Math.max(half, Math.abs(value));
      half *= 1.1;
      return [-half, half];
    };
    const last = this.ended && this.at === this.steps.length - 1;
    Draw.signal(change, [{ shown: pictures ? pictures.change : flat, colour: "--change", wide: 1.1 }], { rate, unit, range, touched: last ? null : step && step.touched });
    Draw.signal(modified, [{ shown, colour: "--faint", wide: 2.6 }, { shown: pictures ? pictures.modified : shown, colour: "--change", wide: 1.1 }], { rate, unit });
    Draw.signal(heat, [clean], { rate, unit, map: step && step.credit });
  }

  say(step) {
    const [heading, detail] = this.verdict(step);
    this.heading.textContent = heading;
    this.detail.textContent = detail;
    this.root.dataset.state = this.lost ? "lost" : step && step.flipped ? "flipped" : this.ended ? this.ended.outcome : "running";
    this.captions(step);
    this.figures(step);
    this.table(step);
    this.slider.value = this.at;
    this.slider.setAttribute("aria-valuetext", step ? `query ${step.queries}` : "none yet");
    this.told.textContent = step ? `query ${step.queries}` : "";
    this.replay.disabled = this.steps.length < 2;
  }

  /** A headline and a line below it, for a moment of the attack. */
  verdict(step) {
    const { begun, ended, lost } = this;
    const whole = step && step === this.steps[this.steps.length - 1];
    const reached = step
      ? `Reached: query ${step.queries}, L2 ${short(step.l2)}, still read with ${percent(step.own)} as the class attacked.`
      : "It had not answered once.";
    if (lost && whole) return ["Connection lost: this attack is not going on here.", `${lost} ${step.flipped ? `Reached: the flip at query ${step.flipped}, L2 ${short(step.l2)} at query ${step.queries}.` : reached} The server ends an attack whose page is gone; what it had asked is spent.`];
    if (lost && !step) return ["Connection lost before the first answer.", lost];
    if (!step) return ended ? ["The attack could not be made.", ended.words] : ["Taking the first look at the clean sample …", ""];
    const was = this.steps[0].top[0], now = step.top[0];
    const paused = this.paused && whole && !ended ? " Paused: nothing is asked until you go on." : "";
    const refining = paused || " Now taking away what is not needed.";
    if (step.flipped) {
      const tail = ended && whole ? this.closing() : refining;
      const cached = step.flipped === 1 ? "1 query" : `${step.flipped} queries`;
      return [`“${was[0]}” became “${now[0]}”.`, `It took ${cached}, the clean look included; L2 is ${short(step.l2)}.${tail}`];
    }
    if (ended && whole) {
      const heads = {
        unmoved: `Still “${now[0]}” after all ${step.queries} queries.`, stalled: `Still “${now[0]}”: the agent ran out of new proposals.`,
        stopped: `Still “${now[0]}” when it ended.`, error: `Ended by an error after ${ended.queries} queries.`,
      };
      return [heads[ended.outcome] || `Still “${now[0]}”.`, this.closing()];
    }
    return [`Still “${now[0]}” at ${percent(now[1])}.`, step.queries === 1 ? "This is the clean look, the first query." : `It was ${percent(was[1])} on the clean sample.${paused}`];
  }

  closing() {
    const { ended } = this, extra = ended.words ? ` ${ended.words}` : "";
    if (ended.outcome === "flipped") return ` ${ended.refined ? `${ended.refined} more queries went into refining. ` : ""}${ended.queries} queries in all.`;
    if (ended.outcome === "unmoved" || ended.outcome === "stalled") return "That is no proof of robustness: another agent, other filters or a larger budget may do it.";
    return `${extra} ${ended.queries} queries were spent.`;
  }

  captions(step) {
    const { begun, panels } = this, pictures = step && step.pictures;
    panels[0].note.textContent = begun.origin;
    panels[1].note.textContent = pictures ? `× ${pictures.factor}` : "nothing yet";
    panels[2].note.textContent = pictures ? "as the classifier sees it" : "not yet modified";
    panels[3].note.textContent = step && step.credit ? `from ${step.credit.answers} answers` : "no answer has moved it yet";
    panels[1].canvas.setAttribute("aria-label", pictures ? `Distortion added, shown ${pictures.factor} times as strong as it is${begun.rank === 1 ? "" : ", mid-grey where nothing was changed"}` : "Distortion added: nothing yet");
    panels[3].canvas.setAttribute("aria-label", "Where it counts: warm places speak for the class attacked, blue ones against it");
  }

  figures(step) {
    const { begun } = this;
    const queries = step ? step.queries : 0, all = begun.budget + (step && step.flipped ? begun.refine : 0);
    const said = [
      ["Queries", `${queries}`, step && step.flipped ? `flip at ${step.flipped}` : `of ${all}`],
      ["Steps", step ? `${step.steps}` : "0", step && step.queries > 1 ? (step.kept ? "last one kept" : "last one dropped") : "proposals put"],
      ["L2", step ? short(step.l2) : "0", begun.maxL2 ? `of ${begun.maxL2}` : "no bound"],
      ["Class attacked", step ? percent(step.own) : "–", step ? `clean ${percent(this.steps[0].own)}` : ""],
    ];
    this.numbers.replaceChildren(...said.map(([name, value, of]) => el("div", {}, el("dt", {}, name), el("dd", {}, el("b", {}, value), " ", el("small", {}, of)))));
  }

  table(step) {
    if (!step) { this.classes.replaceChildren(); return; }
    this.classes.replaceChildren(...step.top.map(([name, now, clean, number]) => {
      const bar = el("div", { className: "bar" }), before = el("div", { className: "before" });
      bar.style.width = `${100 * now}%`;
      before.style.left = `${100 * clean}%`;
      const attacked = number === step.reference;
      return el("tr", { className: attacked ? "attacked" : "" },
        el("th", { scope: "row" }, name, ...(attacked ? [" ", el("small", {}, "attacked")] : [])),
        el("td", { className: "bars" }, el("div", { className: "track" }, bar, ...(clean > 0.005 ? [before] : []))),
        el("td", { className: "number" }, percent(now)), el("td", { className: "number" }, percent(clean)));
    }));
  }
}
