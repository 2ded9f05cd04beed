// Every page works without this file. It only saves a step, and shows nothing that the server did not write.
"use strict";

const all = (selector) => document.querySelectorAll(selector);

// With the arrow keys a choice changes at every step, so keyboards keep the Update button and its own time.
for (const select of all("select[data-update]")) {
  let typed = false;
  select.addEventListener("keydown", () => { typed = true; });
  select.addEventListener("pointerdown", () => { typed = false; });
  select.addEventListener("change", () => { if (!typed) document.getElementById(select.dataset.update).click(); });
}

for (const button of all("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

if (navigator.clipboard) {
  for (const button of all("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      document.querySelector("[role=status]").textContent = button.dataset.said;
    });
  }
}
