"use strict";
// What is asked for: victim, sample, agent, filters and bounds.

class OrderForm {
  /** @param server asks the server. @param changed told when `filling` changes. */
  constructor(server, changed) {
    this.server = server;
    this.changed = changed;
    this.filling = true; // until there is something to choose from
    this.victims = [];
    this.upload = null;
    for (const name of ["victim", "agent", "file", "samples", "filters", "uploaded"]) this[name] = document.getElementById(name);
    this.victim.addEventListener("change", () => this.choose().catch((problem) => this.tell(problem.message, "alarm")));
    this.agent.addEventListener("change", () => this.told());
    this.file.addEventListener("change", () => this.send());
    for (const name of ["leads", "start", "unit", "rate", "row", "resample"]) document.getElementById(name).addEventListener("change", () => this.send());
    this.filters.addEventListener("change", () => this.told());
    new ResizeObserver(() => this.drawThumbs()).observe(this.samples);
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.drawThumbs());
  }

  async fill(victims) {
    this.victims = victims;
    this.victim.replaceChildren(...victims.map((one) => el("option", { value: one.name, disabled: Boolean(one.problem) }, one.problem ? `${one.name} (not available)` : one.name)));
    const first = victims.find((one) => !one.problem);
    if (!first) throw new Error("No victim is to be had on this server.");
    this.victim.value = first.name;
    await this.choose();
  }

  get chosen() { return this.victims.find((one) => one.name === this.victim.value); }

  /** Show what goes with the victim. */
  async choose() {
    const { name, about, shape, rank, rate_hz: rate } = this.chosen;
    const takes = { 1: "signals", 2: "pictures", 3: "clips" }[rank] || "samples";
    const size = shape ? `${takes} of ${shape.slice(1).join(" x ")} values${shape[0] > 1 ? ` in ${shape[0]} channels` : ""}` : takes;
    document.getElementById("victim-about").textContent = `${about} It takes ${size}${rate ? ` at ${rate} Hz` : ""}.`;
    document.getElementById("file-about").textContent = {
      1: "csv, edf, npz, or a WFDB .hea with its .dat.", 2: "png, jpg or npz; brought to the victim’s size.", 3: "mp4, avi, webm, gif or npz; frames evenly spread.",
    }[rank] || "A picture, a recording, a clip or an npz.";
    for (const one of document.querySelectorAll(".signals")) one.hidden = rank !== 1 && rank !== null;
    this.wait(true);
    const found = await this.server.get(`/api/victims/${encodeURIComponent(name)}`);
    if (name !== this.victim.value) return;
    this.fillAgents(found.agents);
    this.fillFilters(found.filters);
    this.fillSamples(found.sets);
    this.upload = null;
    this.uploaded.hidden = true;
    if (this.file.files.length) await this.send();
    this.wait(false);
  }

  /** What belongs to another victim is not to be chosen. */
  wait(filling) {
    this.filling = filling;
    if (filling) this.samples.replaceChildren();
    this.changed();
  }

  fillAgents(agents) {
    this.about = Object.fromEntries(agents.map((one) => [one.name, one.about]));
    this.about.auto = "The default: credit, which needs no training.";
    const before = this.agent.value, names = ["auto", ...agents.map((one) => one.name)];
    this.agent.replaceChildren(...names.map((name) => el("option", { value: name }, name === "auto" ? "auto (credit)" : name)));
    this.agent.value = names.includes(before) ? before : "auto";
  }

  fillFilters(filters) {
    this.filters.replaceChildren(...filters.map((one) => {
      const box = el("input", { type: "checkbox", value: one.name, checked: false });
      return el("label", { className: "tick", title: one.about }, box, ` ${one.name}`, ...(one.natural ? [] : [" ", el("small", {}, "not natural")]));
    }));
    this.told();
  }

  fillSamples(sets) {
    this.thumbs = [];
    const groups = sets.map((set) => el("div", { className: set.samples.some((one) => one.name.length > 3) ? "set long" : "set" }, ...set.samples.map((one, index) => this.thumb(set, one, index))));
    this.samples.replaceChildren(...groups);
    this.samples.hidden = !sets.length;
    const first = this.samples.querySelector("input");
    if (first) first.checked = true;
    this.drawThumbs();
  }

  thumb(set, one, index) {
    const canvas = el("canvas", {}), rank = one.shown.url ? 2 : 1;
    canvas.setAttribute("aria-hidden", "true");
    this.thumbs.push([canvas, one.shown]);
    const radio = el("input", { type: "radio", name: "sample", value: `${index}` });
    radio.dataset.set = set.name;
    radio.addEventListener("change", () => { this.upload = null; this.uploaded.hidden = true; this.file.value = ""; });
    return el("label", { className: `thumb rank-${rank}` }, radio, canvas, el("span", {}, one.name));
  }

  async drawThumbs() {
    for (const [canvas, shown] of this.thumbs || []) {
      await Draw.ready(shown);
      if (!canvas.isConnected) return;
      if (shown.url) Draw.picture(canvas, shown, 0);
      else sparkline(canvas, shown);
    }
  }

  told() {
    document.getElementById("agent-about").textContent = this.about[this.agent.value] || "";
    const ticked = this.ticked();
    document.getElementById("filters-told").textContent = ticked.length ? ticked.join(", ") : "the agent’s own, or the usual four";
  }

  ticked() { return [...this.filters.querySelectorAll("input:checked")].map((one) => one.value); }

  /** Hand the chosen file to the server, which reads it for this victim. */
  async send() {
    if (!this.file.files.length) return;
    const said = new FormData();
    for (const one of this.file.files) said.append("files", one);
    said.append("victim", this.victim.value);
    const value = (name) => document.getElementById(name).value;
    for (const [key, name] of [["leads", "leads"], ["start_s", "start"], ["unit", "unit"], ["rate_hz", "rate"], ["index", "row"]]) {
      if (value(name) !== "") said.append(key, value(name));
    }
    said.append("resample", document.getElementById("resample").checked);
    this.tell("Reading …");
    try {
      const got = await this.server.post("/api/uploads", said);
      this.upload = got.upload;
      for (const one of this.samples.querySelectorAll("input")) one.checked = false;
      const canvas = el("canvas", { className: got.shown.url ? "" : "wide" });
      canvas.setAttribute("aria-hidden", "true");
      if (got.shown.url) canvas.style.aspectRatio = `${got.shown.width} / ${got.shown.height}`;
      this.uploaded.hidden = false;
      this.uploaded.className = "taken";
      this.uploaded.replaceChildren(canvas, el("p", { role: "status" }, el("strong", {}, got.name), ...(got.notes.length ? [`: ${got.notes.join("; ")}.`] : [" is taken."])));
      await Draw.ready(got.shown);
      if (got.shown.url) Draw.picture(canvas, got.shown, 0); else sparkline(canvas, got.shown);
    } catch (problem) {
      this.upload = null;
      this.tell(problem.message, "alarm");
    }
  }

  tell(text, kind = "hint") {
    this.uploaded.hidden = false;
    this.uploaded.className = kind;
    this.uploaded.replaceChildren(el("p", { role: kind === "alarm" ? "alert" : "status" }, text));
  }

  /** What is sent to start. */
  order() {
    const number = (name) => (document.getElementById(name).value === "" ? null : Number(document.getElementById(name).value));
    const picked = this.samples.querySelector("input:checked");
    if (!this.upload && !picked) throw new Error("Choose a sample first: one of the pictures above, or a file that can be read.");
    return {
      victim: this.victim.value, ...(this.upload ? { upload: this.upload } : { set: picked.dataset.set, index: Number(picked.value) }),
      agent: this.agent.value, filters: this.ticked(), patch: document.getElementById("patch").value || null,
      budget: number("budget"), refine: number("refine"), max_l2: number("max-l2"), max_linf: number("max-linf"), seed: number("seed"),
    };
  }
}

/** A signal small, without axes. */
function sparkline(canvas, shown) {
  const { pen, width, height } = Draw.fitted(canvas);
  const values = shown.made.subarray(0, shown.length);
  const low = Math.min(...values), high = Math.max(...values);
  pen.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--text");
  pen.lineWidth = 1;
  pen.beginPath();
  values.forEach((value, at) => pen.lineTo((at / values.length) * width, height - 2 - ((value - low) / (high - low || 1)) * (height - 4)));
  pen.stroke();
}
