// A conversation with the server of server_test.go, by the client and the transports that the task on the standard input
// names. Whatever goes wrong ends it with an error.
import assert from "node:assert/strict";
import { text } from "node:stream/consumers";

const task = JSON.parse(await text(process.stdin));
const { io } = await import(task.module);
const patience = 60_000; // ms

function within(what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come`)), patience);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

const event = (socket, name) => within(name, new Promise((resolve) => socket.once(name, (...args) => resolve(args))));
const ask = (socket, name, ...args) => within(`the ack of ${name}`, new Promise((resolve) => socket.emit(name, ...args, (...answer) => resolve(answer))));

function connect(url, options = {}) {
  return io(url, { transports: task.transports, forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 100, ...options });
}
async function connected(url, options) {
  const socket = connect(url, options);
  await event(socket, "connect");
  return socket;
}

// Events, and acks both ways.
async function events() {
  const socket = connect(task.url, { auth: { token: "Ann" } });
  assert.deepEqual(await event(socket, "welcome"), ["Ann"]);
  const values = [1, -2.5, "ü 🌍 \u0000\u001e\"\\", null, true, { a: [{ b: "c" }] }, [[]]];
  assert.deepEqual(await ask(socket, "echo", ...values), values);
  assert.deepEqual(await ask(socket, "echo"), []);
  const back = event(socket, "back");
  socket.emit("back", ...values);
  assert.deepEqual(await back, values);
  socket.on("question", (n, bytes, answer) => answer(n + 1, Buffer.concat([bytes, Buffer.from([4])])));
  assert.deepEqual(await ask(socket, "ask"), [2, Buffer.from([1, 2, 3, 4])]);
  assert.deepEqual(await ask(socket, "never"), [true]);
  const long = "x".repeat(400_000);
  assert.deepEqual(await ask(socket, "echo", long), [long]);
  if (task.transports.includes("websocket")) {
    while (!(await ask(socket, "transport"))[0]);
  } else {
    assert.deepEqual(await ask(socket, "transport"), [false]);
  }
  return socket;
}

// Binary both ways, wherever it is.
async function binary(socket) {
  const values = [Buffer.from([0, 1, 255]), { a: [Buffer.from("x"), { b: Buffer.alloc(0) }], n: 1.5 }, "text", Buffer.alloc(100_000, 7)];
  assert.deepEqual(await ask(socket, "echo", ...values), values);
  const back = event(socket, "back");
  socket.emit("back", ...values);
  assert.deepEqual(await back, values);
}

async function namespaces(socket) {
  const admin = socket.io.socket("/admin");
  await event(admin, "connect");
  assert.notEqual(admin.id, socket.id);
  assert.notEqual(admin.id, socket.io.engine.id);
  assert.deepEqual(await ask(admin, "echo", 1, Buffer.from("a")), [1, Buffer.from("a")]);
  const nowhere = socket.io.socket("/nowhere");
  assert.equal((await event(nowhere, "connect_error"))[0].message, "Invalid namespace");
  admin.disconnect();
  assert.deepEqual(await ask(socket, "echo", "still here"), ["still here"]);
}

async function refusal() {
  const socket = connect(task.url, { auth: { token: "bad" } });
  const [error] = await event(socket, "connect_error");
  assert.equal(error.message, "not you");
  assert.deepEqual(error.data, { code: 42 });
  // It may try again, over the same connection.
  socket.auth.token = "good";
  const welcome = event(socket, "welcome");
  socket.connect();
  assert.deepEqual(await welcome, ["good"]);
}

async function rooms() {
  const [a, b, c] = await Promise.all([connected(task.url), connected(task.url), connected(task.url)]);
  const all = { a, b, c };
  const heard = { a: [], b: [], c: [] };
  for (const [name, socket] of Object.entries(all)) {
    socket.on("said", (what, bytes) => heard[name].push(bytes ? `${what} ${bytes}` : what));
    socket.on("vote", (answer) => answer(name.charCodeAt(0)));
  }
  await Promise.all([ask(a, "join", "r"), ask(b, "join", "r")]);
  const say = (how, what) => ask(a, "say", { how, room: "r", text: what });
  await say("to", "1");
  await say("in", "2");
  await say("except", "3");
  await say("broadcast", "4");
  await say("all", "5");
  await ask(b, "leave", "r");
  await say("in", "6");
  // What was sent before an ack has come before it.
  await Promise.all(Object.values(all).map((socket) => ask(socket, "echo")));
  assert.deepEqual(heard, { a: ["2 2", "5", "6 6"], b: ["1", "2 2", "4", "5"], c: ["3", "4", "5"] });
  await Promise.all([ask(b, "join", "r"), ask(c, "join", "r"), ask(c, "leave", "r")]);
  assert.deepEqual(await ask(a, "poll", "r"), ["a".charCodeAt(0) + "b".charCodeAt(0)]);
}

// 5,000 events either way, from the first moment on: none is lost, none comes before another.
async function numbers() {
  const n = 5000;
  const socket = connect(task.url);
  let next = 0;
  const all = within("the last number", new Promise((resolve, reject) => {
    socket.on("number", (i) => {
      if (i !== next++) {
        reject(new Error(`${i} came, not ${next - 1}`));
      } else if (next === n) {
        resolve();
      }
    });
  }));
  await event(socket, "connect");
  socket.emit("count", n);
  for (let i = 0; i < n; i++) {
    socket.emit("number", i);
    if (i % 100 === 0) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  assert.deepEqual(await ask(socket, "counted"), [n, 0]);
  await all;
  if (task.transports.length === 2) {
    while (!(await ask(socket, "transport"))[0]);
  }
}

async function ends() {
  for (const [how, reason] of [
    ["kick", "io server disconnect"],
    ["leave me", "io server disconnect"],
    ["panic", "io server disconnect"],
  ]) {
    const socket = await connected(task.url);
    const end = event(socket, "disconnect");
    socket.emit(how);
    assert.equal((await end)[0], reason, how);
  }
  // One whose connection is closed comes back by itself.
  const socket = await connected(task.url);
  const id = socket.id;
  const again = event(socket, "disconnect").then(() => event(socket, "connect"));
  socket.emit("drop");
  await again;
  assert.notEqual(socket.id, id);
}

async function restart(socket) {
  const again = event(socket, "disconnect").then(() => event(socket, "connect"));
  socket.emit("restart");
  await again;
  assert.deepEqual(await ask(socket, "echo", "back again"), ["back again"]);
}

async function recovery() {
  const a = await connected(task.recovery, { auth: { token: "Ann" } });
  const b = await connected(task.recovery);
  const heard = [];
  a.on("said", (what) => heard.push(what));
  await ask(a, "join", "r");
  const say = (how, room, what) => ask(b, "say", { how, room, text: what });
  await say("to", "r", "1");
  await ask(a, "echo");
  const id = a.id;
  const gone = event(a, "disconnect");
  a.io.reconnection(false);
  a.io.engine.close();
  await gone;
  await say("to", "r", "2");
  await say("to", "elsewhere", "not for a");
  await say("in", "r", "3");
  await say("all", "", "4");
  a.io.reconnection(true);
  const again = event(a, "connect");
  a.connect();
  await again;
  assert.equal(a.recovered, true);
  assert.equal(a.id, id);
  await say("to", "r", "5");
  await ask(a, "echo");
  assert.deepEqual(heard, ["1", "2", "3", "4", "5"]);
}

const socket = await events();
await binary(socket);
await namespaces(socket);
await refusal();
await rooms();
await numbers();
await ends();
if (task.recovery) {
  await recovery();
}
await restart(socket);
process.exit(0); // whatever is still open
