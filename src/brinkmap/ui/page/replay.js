"use strict";
// A saved attack: the events lie in the page itself.

(() => {
  const told = el("p", { className: "unseen", role: "status" });
  document.body.append(told);
  const player = new Player(document.getElementById("player"), (words) => { told.textContent = words; });
  for (const [kind, data] of JSON.parse(document.getElementById("events").textContent)) {
    if (kind === "begun") player.begin(data);
    else if (kind === "step") player.push(data);
    else player.end(data);
  }
})();
