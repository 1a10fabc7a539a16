// Reads the file named with AsyncAPI's own parser: prints what it has to say of it, and what it found, as JSON.

import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
const found = document && {
  version: document.version(),
  operations: document.operations().all().map((operation) => operation.id()),
  answered: document.operations().all().filter((operation) => operation.reply()).map((operation) => operation.id()),
};
console.log(JSON.stringify({ problems: diagnostics.map(({ message, path }) => `${path.join(".")}: ${message}`), found }));
