// Asking the operator before something is done that others will feel.

const byId = (id) => document.getElementById(id);

/**
 * Ask with a dialog. `fields` are the ids of templates for what else is to be filled in.
 * Returns what was filled in, by name, or null if the operator thought better of it.
 */
export function ask({ title, text, action, danger = true, fields = [] }) {
  const dialog = byId("ask");
  byId("ask-title").textContent = title;
  byId("ask-text").textContent = text;
  byId("ask-fields").replaceChildren(...fields.map((id) => byId(id).content.cloneNode(true)));
  const confirm = byId("ask-confirm");
  confirm.textContent = action;
  confirm.classList.toggle("danger", danger);
  confirm.classList.toggle("primary", !danger);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener(
      "close",
      () => done(dialog.returnValue === "yes" ? Object.fromEntries(new FormData(byId("ask-form"))) : null),
      { once: true },
    );
  });
}
