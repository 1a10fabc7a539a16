// Runs in Node what a test sends, line by line: the body of an async function, and its argument.
import { createInterface } from "node:readline";
import { connect, Refusal } from "parley-client";
import * as rig from "./people.js";

const AsyncFunction = (async () => {}).constructor;
Object.assign(globalThis, rig, { connect, Refusal });

createInterface({ input: process.stdin })
  .on("line", async (line) => {
    const { id, body, argument } = JSON.parse(line);
    let answer;
    try {
      answer = { value: (await new AsyncFunction("$", body)(argument)) ?? null };
    } catch (error) {
      answer = { error: error.stack ?? String(error) };
    }
    process.stdout.write(JSON.stringify({ id, ...answer }) + "\n");
  })
  .on("close", () => process.exit());
