// A question in a dialog, before something is done that cannot be undone.

/** Ask it. Resolves with whether the answer was yes: its button, or Enter in a field. */
export function ask(dialog) {
  dialog.returnValue = "";
  dialog.querySelector("form").reset();
  dialog.querySelector("[data-no]").onclick = () => dialog.close();
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true }));
}
