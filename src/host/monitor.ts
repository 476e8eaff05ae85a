/**
 * Tells at once when somebody else changes our nftables table, our device or an address of this node: `nft monitor` and
 * `ip monitor` as children, because the netlink addon must not join multicast groups (a burst would abort the process).
 * IPVS sends no notifications; its table is looked at from time to time.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { ARP_TABLE, TABLE } from './netfilter/ruleset.ts';

export interface Interference {
  readonly source: 'netfilter' | 'link' | 'monitor';
  /** What was seen, for the log. */
  readonly what: string;
}

export interface MonitorOptions {
  readonly device: string;
  /** Process ids whose nftables changes are our own. */
  readonly ownProcesses: () => ReadonlySet<number>;
  readonly onInterference: (seen: Interference) => void;
  readonly nft?: string;
  readonly ip?: string;
}

/**
 * Ends a monitor with us, also when we are killed: by itself it notices only when it has something to write. util-linux's;
 * where that is missing it goes without.
 */
const GUARD = ['setpriv', '--pdeathsig', 'KILL'] as const;
const SHORTEST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 30_000;
/** A child that lived this long was well; its next end starts the backoff anew. */
const STEADY_MS = 60_000;

export interface Monitors {
  stop(): void;
}

/** Start both monitors and keep them running until stopped. A monitor that died may have missed something: that counts as interference. */
export function startMonitors(options: MonitorOptions): Monitors {
  const netfilter = netfilterFilter(options.ownProcesses);
  const keepers = [
    keepRunning(options.nft ?? 'nft', ['monitor'], (line) => report('netfilter', netfilter(line)), lost),
    keepRunning(
      options.ip ?? 'ip',
      ['-o', 'monitor', 'link', 'address'],
      (line) => report('link', linkFilter(options.device, line)),
      lost,
    ),
  ];
  function report(source: Interference['source'], what: string | null): void {
    if (what !== null) options.onInterference({ source, what });
  }
  function lost(what: string): void {
    options.onInterference({ source: 'monitor', what });
  }
  return { stop: () => keepers.forEach((keeper) => keeper.stop()) };
}

/**
 * A filter over the lines of `nft monitor`. nft prints the changes of a transaction first and then who made it
 * (`# new generation 5 by process 4636 (nft)`), so changes are held until their maker is known.
 */
export function netfilterFilter(ownProcesses: () => ReadonlySet<number>): (line: string) => string | null {
  let first: string | null = null;
  const ours = new RegExp(`^(add|delete|replace|insert|flush|create|destroy) \\S+ (${TABLE}|${ARP_TABLE})( |$)`);
  return (line) => {
    const generation = /^# new generation \d+ by process (\d+)/.exec(line);
    if (generation === null) {
      if (first === null && ours.test(line)) first = line;
      return null;
    }
    const what = first;
    first = null;
    return what === null || ownProcesses().has(Number(generation[1])) ? null : what;
  };
}

/**
 * What a line of `ip -o monitor link address` means for us. Every change of our own device is told, also our own
 * changes: rtnetlink does not name the maker, and looking once more costs less than missing one. Of other devices only
 * addresses matter: one of them may be, or no longer be, an address that a virtual service uses.
 */
export function linkFilter(device: string, line: string): string | null {
  const text = line.trim();
  if (/^(Deleted )?\d+: [^ ]+ +inet6? /.test(text)) return text;
  const link = /^(?:Deleted )?\d+: ([^:@]+)[@:]/.exec(text);
  return link?.[1] === device ? text : null;
}

function keepRunning(
  program: string,
  args: readonly string[],
  onLine: (line: string) => void,
  onLost: (what: string) => void,
): { stop: () => void } {
  let stopped = false;
  let child: ChildProcess | null = null;
  let timer: NodeJS.Timeout | null = null;
  let failures = 0;
  let guarded = true;
  const start = (): void => {
    timer = null;
    const began = Date.now();
    const [command = program, ...rest] = [...(guarded ? GUARD : []), program, ...args];
    const running = spawn(command, rest, { stdio: ['ignore', 'pipe', 'ignore'] });
    child = running;
    createInterface({ input: running.stdout }).on('line', onLine);
    let ended = false;
    const end = (why: string): void => {
      if (ended || stopped) return;
      ended = true;
      child = null;
      failures = Date.now() - began > STEADY_MS ? 0 : failures + 1;
      const backoff = Math.min(LONGEST_BACKOFF_MS, SHORTEST_BACKOFF_MS * 2 ** Math.min(failures, 10));
      timer = setTimeout(start, backoff * (0.5 + Math.random() / 2));
      onLost(`${program} ${args.join(' ')} ${why}, starting it again`);
    };
    running.on('error', (error: NodeJS.ErrnoException) => {
      guarded = guarded && error.code !== 'ENOENT';
      end(`could not be started (${error.message})`);
    });
    running.on('exit', (code, signal) => end(`ended (${signal ?? code ?? 'unknown'})`));
  };
  start();
  return {
    stop: () => {
      stopped = true;
      if (timer !== null) clearTimeout(timer);
      child?.kill('SIGKILL');
    },
  };
}
