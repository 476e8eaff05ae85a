/**
 * A program of the control plane as a child: it ends with its owner, and its log is a file whose last lines go into errors.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { setImmediate } from 'node:timers/promises';

export interface Child {
  readonly name: string;
  readonly pid: number;
  /** Resolves when it has ended, for whatever reason, with how it ended. */
  readonly gone: Promise<string>;
  /** Resolves when none of its threads runs any more. */
  freeze(): Promise<void>;
  /** Let it go on. */
  thaw(): void;
  /** End it at once. They keep nothing that they could lose; shut down in order, an API server takes half a minute. */
  kill(): Promise<void>;
  lastLines(): string;
}

const LAST_LINES = 15;
const FREEZE_MS = 10_000;

/** Command line flags without their dashes. */
export type Flags = Readonly<Record<string, string | number | boolean>>;

/** Start `program` with its output appended to `logFile`. Rejects when it cannot be started. */
export async function startChild(program: string, flags: Flags, logFile: string): Promise<Child> {
  const log = openSync(logFile, 'a', 0o600);
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  // A session of its own: Ctrl-C in a terminal is for the owner, who ends it in order.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], {
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  const { promise: gone, resolve } = Promise.withResolvers<string>();
  child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code ?? 'unknown'}`));
  await new Promise<void>((onStarted, onFailed) => {
    child.once('spawn', onStarted);
    child.once('error', onFailed);
  });
  return {
    name: basename(program),
    pid: child.pid ?? 0,
    gone,
    async freeze() {
      child.kill('SIGSTOP');
      // The signal is on its way to each thread; one that runs goes on until it arrives there.
      const late = performance.now() + FREEZE_MS;
      while (child.exitCode === null && !isStopped(child.pid ?? 0)) {
        if (performance.now() > late) throw new Error(`${basename(program)} does not stop`);
        await setImmediate();
      }
    },
    thaw: () => void child.kill('SIGCONT'),
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
    lastLines: () => lastLines(logFile),
  };
}

/** Whether the kernel says of each thread that it is stopped; see proc_pid_stat(5). */
function isStopped(pid: number): boolean {
  try {
    const tasks = `/proc/${pid}/task`;
    return readdirSync(tasks).every((task) =>
      / T /.test(readFileSync(`${tasks}/${task}/stat`, 'utf8').replace(/^.*\)/, '')),
    );
  } catch {
    // A thread that ended while it was looked at.
    return false;
  }
}

function lastLines(file: string): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-LAST_LINES).join('\n');
  } catch {
    return '';
  }
}
