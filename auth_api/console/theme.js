// Light or dark: what the system says, until the operator chooses.

const KEY = "parley-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

/** Let `button` switch between them. */
export function offerThemes(button) {
  const root = document.documentElement;
  const show = () => {
    const theme = localStorage.getItem(KEY) ?? (dark.matches ? "dark" : "light");
    root.dataset.theme = theme;
    button.setAttribute("aria-label", theme === "dark" ? "Switch to light" : "Switch to dark");
  };
  button.onclick = () => {
    localStorage.setItem(KEY, root.dataset.theme === "dark" ? "light" : "dark");
    show();
  };
  dark.addEventListener("change", show);
  show();
}
