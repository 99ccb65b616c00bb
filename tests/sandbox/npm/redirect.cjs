// For `node --require`: sends what a program asks of the hosted API to SANDBOX_URL instead.
// The program stays as it is; a call to any other host is refused, so that no test leaves this
// machine.
"use strict";

const http = require("node:http");
const https = require("node:https");

const HOSTED = "api.rembg.com";
const sandbox = new URL(process.env.SANDBOX_URL);
const plainRequest = http.request;

function redirected(options, callback) {
  if (options?.hostname !== HOSTED) {
    throw new Error(`a call to ${options?.hostname}, in place of ${HOSTED}`);
  }
  const { hostname, port } = sandbox;
  const changes = { protocol: "http:", hostname, host: hostname, port, agent: undefined };
  return plainRequest({ ...options, ...changes }, callback);
}

https.request = redirected;
http.request = (options) => {
  throw new Error(`a call to ${options?.hostname} without TLS`);
};
