// Where the tiles are: all as large as the space allows; or one large, and the others in a strip beside it or below.

const GAP = 12; // px, here and below
const WIDEST = 16 / 9;
const NARROWEST = { upright: 4 / 5, lying: 4 / 3 }; // in a space of that kind
const STRIPS = [0.18, 0.24, 0.32, 0.4]; // parts of the space, the first in which faces can be told apart
const TELLING = 84; // the least width for that

/**
 * A box `{x, y, width, height}` for each of `count` tiles. `main` is the number of the large one, or -1; `whole` lets it
 * take all of its space, whatever shape that is.
 */
export function arrange(count, { main = -1, whole = false }, width, height) {
  const space = { x: 0, y: 0, width, height };
  if (main < 0 || main >= count || count < 2) return gallery(count, space);
  const choices = STRIPS.map((part) => withStrip(count, main, whole, split(space, part)));
  return choices.find((boxes) => boxes[main ? 0 : 1].width >= TELLING) ?? choices.at(-1);
}

function withStrip(count, main, whole, [stage, strip]) {
  const boxes = gallery(count - 1, strip);
  boxes.splice(main, 0, whole ? stage : gallery(1, stage)[0]);
  return boxes;
}

/** The space for the large tile, and that for the others. */
function split({ width, height }, part) {
  if (width < height) {
    const small = Math.floor(height * part);
    return [
      { x: 0, y: 0, width, height: height - small - GAP },
      { x: 0, y: height - small, width, height: small },
    ];
  }
  const small = Math.floor(width * part);
  return [
    { x: 0, y: 0, width: width - small - GAP, height },
    { x: width - small, y: 0, width: small, height },
  ];
}

/** All of the same size, in rows; a last row that is not full is in the middle. */
function gallery(count, space) {
  const { columns, width, height } = largest(count, space);
  const rows = Math.ceil(count / columns);
  const top = space.y + (space.height - rows * height - (rows - 1) * GAP) / 2;
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns);
    const inRow = row < rows - 1 ? columns : count - row * columns;
    const left = space.x + (space.width - inRow * width - (inRow - 1) * GAP) / 2;
    const box = { x: left + (index % columns) * (width + GAP), y: top + row * (height + GAP), width, height };
    return Object.fromEntries(Object.entries(box).map(([name, length]) => [name, Math.floor(length)]));
  });
}

function largest(count, { width, height }) {
  let best = { columns: 1, width: 0, height: 0 };
  const narrowest = width < height ? NARROWEST.upright : NARROWEST.lying;
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const cell = { width: (width - GAP * (columns - 1)) / columns, height: (height - GAP * (rows - 1)) / rows };
    const fit = { width: Math.min(cell.width, cell.height * WIDEST), height: Math.min(cell.height, cell.width / narrowest) };
    if (fit.width * fit.height > best.width * best.height) best = { columns, ...fit };
  }
  return best;
}
