// Runs the client. Each line of stdin is a JSON list of cases, which run one after another; each
// line of stdout is the list of their outcomes. The argument says how many seconds a case may
// take; one that takes longer ends the process, so that nobody waits for it.
"use strict";

const { subscribe } = require("node:diagnostics_channel");
const { once, EventEmitter } = require("node:events");
const fs = require("node:fs");
const readline = require("node:readline");
const { rembg } = require("@remove-background-ai/rembg.js");

const patience = Number(process.argv[2]) * 1000;
const DIRECTIONS = ["upload", "download"];
let answers = [];
subscribe("http.client.response.finish", ({ response }) => {
  answers.push({ status: response.statusCode, headers: { ...response.headers } }); // before they are stripped
});

// JSON holds no Buffer: it comes as base64.
function inputOf({ path, buffer, value }) {
  return buffer === undefined ? (path ?? value) : Buffer.from(buffer, "base64");
}

// Nor does it hold `undefined`, which becomes null, or the event's `event`, which is left out.
function plain({ event, ...members }) {
  return Object.fromEntries(Object.entries(members).map(([key, value]) => [key, value ?? null]));
}

async function resultOf(result) {
  if (result.outputImagePath === undefined) return result;
  const { outputImagePath, cleanup, ...others } = result;
  const content = fs.readFileSync(outputImagePath).toString("base64");
  await cleanup();
  return { outputImagePath, ...others, content, left: fs.existsSync(outputImagePath) };
}

function isWhole(events) {
  return DIRECTIONS.every((way) => events.filter((event) => event[way]).at(-1)?.progress === 1);
}

// `by_default`: without callbacks of ours, so that events go to the console.
// `to_the_end`: of bytes, the last upload event may come 1/3 s later, after a quick answer.
async function run({ input, key, options, by_default, to_the_end }) {
  const outcome = { events: [], logged: [] };
  const heard = new EventEmitter();
  const hear = (list) => (event) => {
    list.push(plain(event));
    heard.emit("event");
  };
  const note = hear(outcome.events);
  const callbacks = by_default ? {} : { onUploadProgress: note, onDownloadProgress: note };
  const { log } = console;
  console.log = hear(outcome.logged);
  answers = [];
  try {
    const given = { apiKey: key, inputImage: inputOf(input), options, ...callbacks };
    outcome.result = await resultOf(await rembg(given));
    while (to_the_end && !isWhole([...outcome.events, ...outcome.logged])) {
      await once(heard, "event");
    }
  } catch (error) {
    outcome.error = { isError: error instanceof Error, message: error.message };
  } finally {
    console.log = log;
  }
  return { ...outcome, answers };
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const outcomes = [];
    for (const example of JSON.parse(line)) {
      const alarm = setTimeout(() => {
        console.error("too long:", JSON.stringify(example));
        process.exit(1);
      }, patience);
      outcomes.push(await run(example));
      clearTimeout(alarm);
    }
    process.stdout.write(`${JSON.stringify(outcomes)}\n`);
  }
  // After an upload of bytes the client holds its connection until the server ends that.
  process.exit(0);
}

main();
