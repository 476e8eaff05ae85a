/**
 * Processes inside a lab, driven from outside: one connection to the lab's daemon carries one process.
 */
import { connect, type NetConnectOpts } from 'node:net';
import {
  createFrameDecoder,
  encodeData,
  encodeFrame,
  FrameType,
  type ProcessExit,
  type ProcessRequest,
  type ProcessStarted,
} from './frames.ts';

export interface LabEndpoint {
  readonly at: NetConnectOpts;
  readonly token: string;
}

export interface ProcessOptions {
  /** A named network namespace; without it the lab's own. */
  readonly namespace?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The whole of stdin. Without it stdin is empty. */
  readonly input?: string | Uint8Array;
}

export interface RunOptions extends ProcessOptions {
  /** Milliseconds after which the process is killed and the run fails. */
  readonly deadlineMs?: number;
}

export interface Finished {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface OutputMark {
  readonly stdout: number;
  readonly stderr: number;
}

export interface LabProcess {
  readonly pid: number;
  /** All output so far. */
  output(): { readonly stdout: string; readonly stderr: string };
  /** Where its output is now, for `waitFor`. */
  mark(): OutputMark;
  /**
   * Resolves with the first match in stdout or stderr, past (since `since`) or to come; rejects at the deadline, or when
   * the process ends without it.
   */
  waitFor(
    pattern: RegExp,
    options?: { readonly since?: OutputMark; readonly deadlineMs?: number },
  ): Promise<RegExpExecArray>;
  signal(name: NodeJS.Signals): void;
  /** Resolves when the process has ended and all its output is here. */
  readonly finished: Promise<Finished>;
}

const DEADLINE_MS = 60_000;
/** A process whose output is not read by anybody must not fill the memory. */
const MOST_OUTPUT = 64 * 1024 * 1024;

/** Start a process; resolves when it runs, rejects when it cannot be started. */
export async function startProcess(
  endpoint: LabEndpoint,
  argv: readonly string[],
  options: ProcessOptions = {},
): Promise<LabProcess> {
  const socket = connect(endpoint.at);
  socket.setNoDelay(true);
  const decoder = createFrameDecoder();
  const output = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  let exit: ProcessExit | null = null;
  let lost: Error | null = null;
  const tell = (): void => listeners.forEach((listener) => listener());

  const { promise: started, resolve: onStarted, reject: onRefused } = Promise.withResolvers<number>();
  const { promise: finished, resolve: onFinished, reject: onLost } = Promise.withResolvers<Finished>();
  // Somebody who only reads the output does not have to handle a lab that went away.
  finished.catch(() => undefined);

  const lose = (error: Error): void => {
    if (exit !== null || lost !== null) return;
    lost = error;
    onRefused(error);
    onLost(error);
    tell();
    socket.destroy();
  };
  const add = (stream: 'stdout' | 'stderr', payload: Buffer): void => {
    output[stream] += payload.toString('utf8');
    if (output[stream].length > MOST_OUTPUT)
      lose(new Error(`${argv.join(' ')}: more than ${MOST_OUTPUT} bytes of output`));
  };
  socket.on('data', (data: Buffer) => {
    try {
      for (const { type, payload } of decoder.push(data)) {
        if (type === FrameType.Started) onStarted((JSON.parse(payload.toString()) as ProcessStarted).pid);
        else if (type === FrameType.Stdout) add('stdout', payload);
        else if (type === FrameType.Stderr) add('stderr', payload);
        else if (type === FrameType.Refused) lose(new Error(payload.toString()));
        else if (type === FrameType.Exit) {
          exit = JSON.parse(payload.toString()) as ProcessExit;
          onFinished({ ...exit, ...output });
        }
      }
    } catch (error) {
      lose(error instanceof Error ? error : new Error(String(error)));
    }
    tell();
  });
  socket.on('error', (error) => lose(error));
  socket.on('close', () => lose(new Error(`${argv.join(' ')}: the lab went away`)));

  const request: ProcessRequest = {
    token: endpoint.token,
    argv,
    ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  };
  socket.write(encodeFrame(FrameType.Start, JSON.stringify(request)));
  if (options.input !== undefined) {
    for (const frame of encodeData(FrameType.Stdin, Buffer.from(options.input))) socket.write(frame);
  }
  socket.write(encodeFrame(FrameType.StdinEnd));
  const pid = await started;

  return {
    pid,
    output: () => ({ ...output }),
    signal: (name) => void socket.write(encodeFrame(FrameType.Signal, name)),
    finished,
    mark: () => ({ stdout: output.stdout.length, stderr: output.stderr.length }),
    waitFor: (pattern, { since = { stdout: 0, stderr: 0 }, deadlineMs = DEADLINE_MS } = {}) =>
      new Promise((resolve, reject) => {
        const end = (settle: () => void): void => {
          clearTimeout(timer);
          listeners.delete(look);
          settle();
        };
        const give = (why: string): Error =>
          new Error(`${argv.join(' ')}: ${why} ${String(pattern)}\n${output.stdout}\n${output.stderr}`);
        const look = (): void => {
          const match =
            pattern.exec(output.stdout.slice(since.stdout)) ?? pattern.exec(output.stderr.slice(since.stderr));
          if (match !== null) end(() => resolve(match));
          else if (exit !== null || lost !== null) end(() => reject(give('ended without')));
        };
        const timer = setTimeout(() => end(() => reject(give(`within ${deadlineMs} ms there was no`))), deadlineMs);
        listeners.add(look);
        look();
      }),
  };
}

/** Run a process to its end, whatever its exit code. */
export async function runProcess(
  endpoint: LabEndpoint,
  argv: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  const deadlineMs = options.deadlineMs ?? DEADLINE_MS;
  const process = await startProcess(endpoint, argv, options);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    process.signal('SIGKILL');
  }, deadlineMs);
  try {
    const result = await process.finished;
    if (late) throw new Error(`${argv.join(' ')}: not done after ${deadlineMs} ms\n${result.stdout}\n${result.stderr}`);
    return result;
  } finally {
    clearTimeout(timer);
  }
}
