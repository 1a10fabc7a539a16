// A text as a QR code, for the camera of somebody's phone.
import { encode } from "./qr.js";

const SVG = "http://www.w3.org/2000/svg";
const QUIET = 4; // modules of white around it

/** Draw it into an `svg` element. */
export function drawQrCode(svg, text) {
  const { data, size } = encode(text, { ecc: "L", border: QUIET });
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ""))).join(""));
  svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
  svg.replaceChildren(path);
}
