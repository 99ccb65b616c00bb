// Worker: uploads by the vendor's npm client; arguments: package folder, stub URL, picture.
// The client is used as published. Its fixed address is changed from outside, by an axios
// interceptor, and its progress callbacks, which log by default, are replaced by silent ones.
"use strict";

const { createRequire } = require("node:module");
const readline = require("node:readline");
const path = require("node:path");

const [folder, url, picture] = process.argv.slice(2);
const fromFolder = createRequire(path.join(folder, "x.js"));
const fromClient = createRequire(fromFolder.resolve("@remove-background-ai/rembg.js"));
const axios = fromClient("axios");
const { rembg } = fromFolder("@remove-background-ai/rembg.js");

axios.interceptors.request.use((config) => {
  config.url = url;
  return config;
});

const silent = () => {};

async function upload() {
  const { cleanup } = await rembg({
    apiKey: "stub-key",
    inputImage: picture,
    options: { format: "PNG" },
    onUploadProgress: silent,
    onDownloadProgress: silent,
  });
  await cleanup();
}

async function work({ count, at_once: atOnce }) {
  let left = count;
  const lane = async () => {
    while (left-- > 0) await upload();
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

async function main() {
  console.log(JSON.stringify({ ready: true }));
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const cpu = process.cpuUsage();
    const wall = process.hrtime.bigint();
    await work(JSON.parse(line));
    const spent = process.cpuUsage(cpu);
    const answer = {
      wall: Number(process.hrtime.bigint() - wall) / 1e9,
      cpu: (spent.user + spent.system) / 1e6,
    };
    console.log(JSON.stringify(answer));
  }
  process.exit(0);
}

main();
