// Makes API.md from the types, which are made from the comments in the sources: node api.mjs [--check].
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PARTS = ["index", "parley", "line", "room", "call", "remote", "meter", "refusal", "emitter"];
const HIDDEN = new Set(["Answers", "Line", "LineOptions", "Meter", "Said"]);
const ALIAS = /^export type (\w+) = \1;$/m; // index has each once more
const HEAD = `# What \`parley-client\` has

Made from the types by \`make docs\`. [README.md](README.md) shows how it is used.
`;

const here = dirname(fileURLToPath(import.meta.url));
const page = join(here, "API.md");
const compiled = types();
const made = HEAD + PARTS.flatMap((part) => declarations(compiled[part])).join("");
const stale = readFileSync(page, { encoding: "utf8", flag: "a+" }) !== made;
if (stale && process.argv.includes("--check")) {
  console.log("client/API.md: not up to date, run: make docs");
  process.exit(1);
} else if (stale) writeFileSync(page, made);

/** What the compiler makes of each source, without what only the compiler needs. */
function types() {
  const folder = mkdtempSync(join(tmpdir(), "types-"));
  const compiler = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
  const done = spawnSync(process.execPath, [compiler, "-p", here, "--outDir", folder], { stdio: "inherit" });
  if (done.status !== 0) process.exit(1);
  const found = Object.fromEntries(PARTS.map((part) => [part, readFileSync(join(folder, `${part}.d.ts`), "utf8")]));
  rmSync(folder, { recursive: true });
  return found;
}

/** Each declaration in a file under its name, classes first. */
function declarations(text) {
  const short = text.replaceAll(/\/\*\*\n +\* ([^\n]*)\n +\*\//g, "/** $1 */");
  const plain = short.replaceAll(/import\("[^"]+"\)\./g, "").replaceAll(/^ +#private;\n/gm, "");
  const comments = plain.replaceAll(/^ *\/\*\*(?:(?!\*\/)[^])*\*\/\n/gm, comment);
  const found = comments.match(/(^\/\*\*(?:(?!\*\/)[^])*\*\/\n)?^export (?!\{)[^\n]*(?<=;)$|(^\/\*\*(?:(?!\*\/)[^])*\*\/\n)?^export (?!\{)[^\n]*\n(?:[^}\n][^\n]*\n|\n)*}.*$/gm) ?? [];
  const named = found.map((code) => ({ name: /(?:class|type|const|function) (\w+)/.exec(code)[1], code }));
  const isShown = ({ name, code }) => name === "connect" || (/^[A-Z][a-z]/.test(name) && !HIDDEN.has(name) && !ALIAS.test(code));
  const shown = named.filter(isShown);
  const isClass = ({ code }) => /^export declare class/m.test(code);
  const sorted = [...shown.filter(isClass), ...shown.filter((one) => !isClass(one))];
  return sorted.map(({ name, code }) => `\n## ${name}\n\n\`\`\`ts\n${code.replace(/^export (declare )?/m, "")}\n\`\`\`\n`);
}

/** A comment, as far as it says more than the types. */
function comment(whole) {
  const said = /^( *)\/\*\* @type \{.*\} (\w.*) \*\/\n/.exec(whole);
  if (said) return `${said[1]}/** ${said[2]} */\n`;
  return /@(typedef|extends|type|template)\b/.test(whole) && !/@(param|returns)\b/.test(whole) ? "" : whole;
}
