"use strict";
// Joins form, server and player.

const at = (id) => document.getElementById(id);

class Server {
  async get(path) { return this.read(await this.reach(path)); }

  async post(path, body) {
    const form = body instanceof FormData;
    return this.read(await this.reach(path, { method: "POST", ...(form ? { body } : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body || {}) }) }));
  }

  async reach(path, options = {}) {
    try {
      return await fetch(path, { credentials: "same-origin", ...options });
    } catch {
      throw new Error("The server does not answer. Is `brinkmap serve` still running?");
    }
  }

  async read(answer) {
    const said = await answer.json().catch(() => ({}));
    if (answer.status === 401) throw new Error(`${said.error} Reload this page to begin anew.`);
    if (!answer.ok) throw new Error(said.error || `The server answered ${answer.status}.`);
    return said;
  }

  /** An attack's events one by one, as long as the connection holds. */
  async* events(order, signal) {
    const answer = await this.reach("/api/attacks", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(order), signal });
    if (!answer.ok) await this.read(answer);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const found = /^event: (\w+)\ndata: (.*)$/s.exec(block);
        if (found) yield [found[1], JSON.parse(found[2])];
      }
    }
  }
}

const server = new Server();
const status = el("p", { className: "unseen", role: "status" });
document.body.append(status);
const player = new Player(at("player"), (words) => { status.textContent = words; });
const form = new OrderForm(server, () => controls());
let running = null; // {id, paused}

function controls() {
  const live = Boolean(running && running.id);
  at("begin").disabled = Boolean(running) || form.filling;
  at("begin").textContent = running ? "An attack is running" : "Start the attack";
  for (const name of ["pause", "step", "stop"]) at(name).disabled = !live;
  at("pause").textContent = live && running.paused ? "Go on" : "Pause";
}

function failed(problem) {
  at("order-error").hidden = false;
  at("order-error").textContent = problem.message;
}

async function attack(order) {
  at("order-error").hidden = true;
  at("share").hidden = true;
  running = { id: null, paused: false };
  controls();
  let begun = false, ended = false;
  try {
    for await (const [kind, data] of server.events(order)) {
      if (kind === "begun") {
        begun = true;
        running.id = data.id;
        at("empty").hidden = true;
        at("controls").hidden = false;
        at("stage-title").textContent = `“${data.sample}” read by ${data.victim}`;
        player.begin(data);
        at("stage-title").focus({ preventScroll: true });
        const { top } = at("stage").getBoundingClientRect();
        if (top < 0 || top > window.innerHeight / 2) at("stage").scrollIntoView({ behavior: STILL.matches ? "auto" : "smooth" });
        controls();
      } else if (kind === "step") {
        player.push(data);
      } else if (kind === "end") {
        ended = true;
        player.end(data);
        share(running.id);
      }
    }
    if (begun && !ended) player.lose("The server closed the connection before the attack’s end.");
    if (!begun) failed(new Error("The server closed the connection before the attack began."));
  } catch (problem) {
    if (begun) player.lose("The server does not answer any more.");
    else failed(problem);
  }
  running = null;
  controls();
  allowance();
}

function share(id) {
  at("share").hidden = false;
  for (const form of ["gif", "html"]) at(`share-${form}`).href = `/api/attacks/${encodeURIComponent(id)}/replay.${form}`;
}

async function command(name) {
  if (!running || !running.id) return;
  try {
    const said = await server.post(`/api/attacks/${encodeURIComponent(running.id)}/${name}`);
    if (running) running.paused = said.paused;
    player.hold(said.paused);
    status.textContent = said.paused ? "Paused." : "";
    controls();
  } catch (problem) {
    if (running) failed(problem); // else its end has come meanwhile
  }
}

async function allowance() {
  try {
    const { limits } = await server.post("/api/hello");
    at("allowance").textContent = `${(limits.queries - limits.spent).toLocaleString("en")} of ${limits.queries.toLocaleString("en")} queries left in this session; ${limits.budget.toLocaleString("en")} at most for one attack.`;
    at("budget").max = limits.budget;
  } catch (problem) {
    at("allowance").textContent = problem.message;
  }
}

at("order").addEventListener("submit", (event) => {
  event.preventDefault();
  if (running) return;
  try {
    attack({ ...form.order(), pace: Number(at("pace").value) });
  } catch (problem) {
    failed(problem);
  }
});
at("pause").addEventListener("click", () => command(running && running.paused ? "go" : "pause"));
at("step").addEventListener("click", () => command("step"));
at("stop").addEventListener("click", () => command("stop"));
at("pace").addEventListener("change", () => {
  if (running && running.id) server.post(`/api/attacks/${encodeURIComponent(running.id)}/pace`, { pace: Number(at("pace").value) }).catch(failed);
});
for (const name of ["dragenter", "dragover"]) at("drop").addEventListener(name, (event) => { event.preventDefault(); at("drop").classList.add("over"); });
for (const name of ["dragleave", "drop"]) at("drop").addEventListener(name, (event) => { event.preventDefault(); at("drop").classList.remove("over"); });
at("drop").addEventListener("drop", (event) => { at("file").files = event.dataTransfer.files; form.send(); });

(async () => {
  controls();
  try {
    const { victims } = await server.post("/api/hello");
    await form.fill(victims);
    allowance();
  } catch (problem) {
    failed(problem);
  }
})();
