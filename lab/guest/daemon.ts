// The lab's daemon: starts processes for whoever holds the lab's token, one per connection, and ends them with their
// children when the connection goes away. It runs as root inside the guest, or in the private namespaces of LAB=native.
import { spawn, type ChildProcess } from 'node:child_process';
import { timingSafeEqual } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { release } from 'node:os';
import {
  createFrameDecoder,
  encodeData,
  encodeFrame,
  FrameType,
  type Frame,
  type ProcessExit,
  type ProcessRequest,
  type ProcessStarted,
} from '../frames.ts';

/** How long a connection may take to say what it wants. */
const GREETING_MS = 10_000;
/** How long output may still come after a process has ended: only one that left its process group can hold the pipe longer. */
const OUTPUT_MS = 1_000;

const token = readFileSync('/run/lab/token');

const report = (line: string): void => {
  const file = process.env['LAB_REPORT'];
  if (file === undefined) process.stdout.write(`${line}\n`);
  else appendFileSync(file, `${line}\n`);
};

function isTokenRight(given: string): boolean {
  const bytes = Buffer.from(given);
  return bytes.byteLength === token.byteLength && timingSafeEqual(bytes, token);
}

function readRequest(frame: Frame): ProcessRequest | string {
  if (frame.type !== FrameType.Start) return 'the first frame must say what to start';
  let request: ProcessRequest;
  try {
    request = JSON.parse(frame.payload.toString()) as ProcessRequest;
  } catch {
    return 'the request is no JSON';
  }
  if (typeof request.token !== 'string' || !isTokenRight(request.token)) return 'the token is wrong';
  if (!Array.isArray(request.argv) || request.argv.length === 0) return 'there is nothing to run';
  return request;
}

/** Ends what is left of a process group, by its id. */
function sweep(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nobody is left in it.
  }
}

/** Ignores EPIPE and the like: a process may close its stdin whenever it likes. */
const ignore = (): void => {};

function serve(socket: Socket): void {
  const decoder = createFrameDecoder();
  let child: ChildProcess | undefined;
  let ended = false;
  const greeting = setTimeout(() => socket.destroy(), GREETING_MS);

  const finish = (type: FrameType, payload: string): void => {
    if (ended) return;
    ended = true;
    socket.end(encodeFrame(type, payload));
  };

  const forward = (type: FrameType, stream: NodeJS.ReadableStream): void => {
    stream.on('data', (data: Buffer) => {
      if (ended) return;
      let room = true;
      for (const frame of encodeData(type, data)) room = socket.write(frame);
      if (!room) {
        stream.pause();
        socket.once('drain', () => stream.resume());
      }
    });
  };

  const start = (request: ProcessRequest): void => {
    const [command = '', ...args] =
      request.namespace === undefined ? request.argv : ['ip', 'netns', 'exec', request.namespace, ...request.argv];
    // A session and process group of its own: its children can be ended with it, by id.
    const started = spawn(command, args, {
      cwd: request.cwd ?? '/',
      env: { ...process.env, ...request.env },
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    child = started;
    started.stdin.on('error', ignore);
    started.on('error', (error) => finish(FrameType.Refused, `${command}: ${error.message}`));
    if (started.pid === undefined) return;
    socket.write(encodeFrame(FrameType.Started, JSON.stringify({ pid: started.pid } satisfies ProcessStarted)));
    forward(FrameType.Stdout, started.stdout);
    forward(FrameType.Stderr, started.stderr);
    const tell = (code: number | null, signal: string | null): void =>
      finish(FrameType.Exit, JSON.stringify({ code, signal } satisfies ProcessExit));
    started.once('exit', (code, signal) => {
      sweep(started);
      const late = setTimeout(() => tell(code, signal), OUTPUT_MS);
      started.once('close', () => {
        clearTimeout(late);
        tell(code, signal);
      });
    });
  };

  const receive = (frame: Frame): void => {
    if (child === undefined) {
      clearTimeout(greeting);
      const request = readRequest(frame);
      if (typeof request === 'string') finish(FrameType.Refused, request);
      else start(request);
      return;
    }
    if (frame.type === FrameType.Stdin) child.stdin?.write(frame.payload);
    else if (frame.type === FrameType.StdinEnd) child.stdin?.end();
    else if (frame.type === FrameType.Signal && child.exitCode === null && child.signalCode === null)
      child.kill(frame.payload.toString() as NodeJS.Signals);
  };

  socket.setNoDelay(true);
  socket.on('error', ignore);
  socket.on('data', (data) => {
    if (ended) return;
    try {
      for (const frame of decoder.push(data)) receive(frame);
    } catch (error) {
      finish(FrameType.Refused, error instanceof Error ? error.message : String(error));
    }
  });
  socket.on('close', () => {
    clearTimeout(greeting);
    ended = true;
    if (child !== undefined) sweep(child);
  });
}

const server = createServer({ allowHalfOpen: false }, serve);
const listen = process.env['LAB_LISTEN'] ?? '';
const ready = (): void => report(`ready ${release()}`);
if (listen.startsWith('/')) {
  server.listen(listen, ready);
} else {
  const colon = listen.lastIndexOf(':');
  server.listen(Number(listen.slice(colon + 1)), listen.slice(0, colon), ready);
}
