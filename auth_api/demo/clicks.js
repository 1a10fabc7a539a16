// What a double click means where the page changes between its halves.

let hit = null; // the button that the last click was for

/** From now on the second half of a double click is for the button that the first one hit, or for nothing. */
export function keepDoubleClicksTogether() {
  addEventListener("click", keepTogether, true);
}

function keepTogether(event) {
  const button = event.target.closest("button");
  if (event.detail > 1 && button !== hit) {
    event.preventDefault();
    event.stopImmediatePropagation();
  } else hit = button;
}
