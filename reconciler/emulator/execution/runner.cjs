'use strict';

/**
 * Runs one data action once: `node runner.cjs ENTRY CHANNEL`.
 *
 * ENTRY is the action's index.js, CHANNEL the number of a file descriptor to write to. The call comes on stdin:
 * {inputs, environment, action, requestId, limits: {outputBytes, logBytes}}. What is written to the channel is one JSON
 * object a line: {"log": {level, message, data}} as it happens, and at last {"output": …} or {"error": {name, message,
 * stack, code}}. Everything else that the action prints goes to stdout and stderr, which are the server's to read.
 */

const fs = require('node:fs');
const path = require('node:path');

const [entry, channelNumber] = process.argv.slice(2);
const channel = Number(channelNumber);
const call = JSON.parse(fs.readFileSync(0, 'utf8'));

const home = `${path.dirname(entry)}${path.sep}`;

let logBytes = 0;
let finished = false;

function tell(record) {
  const bytes = Buffer.from(`${JSON.stringify(record)}\n`);
  for (let offset = 0; offset < bytes.length; ) {
    offset += fs.writeSync(channel, bytes, offset);
  }
  return bytes.length;
}

/** A value that JSON can say, made of one that perhaps it can't. */
function plain(value) {
  if (value instanceof Error) {
    return { name: value.name, message: value.message };
  }
  try {
    return JSON.parse(JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? inner.toString() : inner)));
  } catch {
    return String(value);
  }
}

function log(level, message, data) {
  if (finished || logBytes > call.limits.logBytes) {
    return;
  }
  const line = { level, message: typeof message === 'string' ? message : String(plain(message)) };
  if (data !== undefined) {
    line.data = plain(data);
  }
  const size = Buffer.byteLength(JSON.stringify(line));
  if (logBytes + size > call.limits.logBytes) {
    logBytes = Infinity;
    tell({ log: { level: 'warn', message: `the log is cut off here: it may have ${call.limits.logBytes} bytes` } });
    return;
  }
  logBytes += size;
  tell({ log: line });
}

const logger = Object.freeze(
  Object.fromEntries(
    ['debug', 'info', 'warn', 'error'].map((level) => [level, (message, data) => log(level, message, data)]),
  ),
);

function finish(record, exitCode) {
  if (!finished) {
    finished = true;
    tell(record);
  }
  process.exit(exitCode);
}

/** A text without the lines that are about this file and Node.js itself, and without the place of the action's folder. */
function own(text) {
  const lines = String(text).split('\n').filter((line) => !line.includes(__filename) && !/^\s+at .*\bnode:/.test(line));
  return lines.join('\n').replaceAll(home, '');
}

/** Where an error came from in the action's code; what the error says is told apart from it. */
function trace(error) {
  const lines = own(String(error.stack || '').replace(`${error.name}: ${error.message}`, () => '')).split('\n');
  return lines.filter((line) => line.trim()).map((line) => line.replace(/^ {4}at /, 'at ')).join('\n');
}

function fail(thrown, code) {
  const error = thrown instanceof Error ? thrown : new Error(`threw what is no Error: ${JSON.stringify(plain(thrown))}`);
  finish({ error: { name: error.name, message: own(error.message), stack: trace(error), code } }, 1);
}

function answer(output) {
  let text;
  try {
    text = JSON.stringify(output);
  } catch (error) {
    fail(new TypeError(`the output can't be written as JSON: ${error.message}`));
  }
  if (text === undefined) {
    fail(new TypeError('the action returned nothing'));
  }
  if (Buffer.byteLength(text) > call.limits.outputBytes) {
    fail(new RangeError(`the output has more than ${call.limits.outputBytes} bytes`), 'OUTPUT_TOO_LARGE');
  }
  finish({ output: JSON.parse(text) }, 0);
}

process.on('uncaughtException', (error) => fail(error));
process.on('unhandledRejection', (error) => fail(error));
process.on('beforeExit', () => fail(new Error('the action never answered: its promise stayed open with nothing left to do')));

for (const name of Object.keys(process.env)) {
  delete process.env[name];
}
Object.assign(process.env, call.environment);

async function run() {
  const loaded = require(entry);
  const action = typeof loaded === 'function' ? loaded : loaded && loaded.default;
  if (typeof action !== 'function') {
    throw new TypeError('index.js must export a function: module.exports = async (context, inputs) => …');
  }
  return action({ logger, action: call.action, requestId: call.requestId }, call.inputs);
}

run().then(answer, (error) => fail(error));
