// Starts the local service, reads its ready line, steers it and stops it. Node 18 or newer, nothing to install.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { once } from "node:events";

const [command = "aai-stream", ...first] = process.argv.slice(2);
const service = spawn(
  command,
  [...first, "serve", "--port", "0", "--engine", "counting", "--ready-json", "--quiet"],
  { stdio: ["ignore", "pipe", "inherit"] },
);
const [line] = await once(createInterface({ input: service.stdout }), "line");
const ready = JSON.parse(line);

async function control(method, path, body) {
  const answer = await fetch(ready.control_url + path, {
    method,
    headers: { Authorization: ready.control_key },
    body: body && JSON.stringify(body),
  });
  if (!answer.ok) throw new Error((await answer.json()).error);
  return answer.json();
}

// The test of your client goes here: give it ready.url, let it fail, ask what it sent.
await control("POST", "/faults", { faults: ["drop@word=40"], next: 1 });
const state = await control("GET", "");
const { sessions } = await control("GET", "/sessions");
console.log(JSON.stringify({ health: await (await fetch(ready.health_url)).json(), state, sessions }));

await control("POST", "/shutdown");
await once(service, "exit");
