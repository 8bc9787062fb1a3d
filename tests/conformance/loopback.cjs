// Loaded into every Node process of the suite: a connection that leaves this machine is refused,
// and noted in the file that LOOPBACK_LOG names, so that a test can show that there was none.
"use strict";

const fs = require("node:fs");
const net = require("node:net");

const local = (host) => /^(127\.|::1$|localhost$|\[::1\]$)/.test(host);
const connect = net.Socket.prototype.connect;

net.Socket.prototype.connect = function (...args) {
  const [first] = net._normalizeArgs(Array.isArray(args[0]) ? args[0] : args);
  const host = first.path ? "localhost" : String(first.host || "localhost");
  if (local(host)) return connect.apply(this, args);
  fs.appendFileSync(process.env.LOOPBACK_LOG, `${host} ${process.argv.slice(1).join(" ")}\n`);
  throw new Error(`${host} is not this machine`);
};
