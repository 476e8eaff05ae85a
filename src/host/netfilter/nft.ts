/**
 * The `nft` program as a function: text in, text or a reason out. The only place that starts it for a transaction or a
 * listing.
 */
import { spawn } from 'node:child_process';
import { ARP_TABLE, TABLE } from './ruleset.ts';
import { parseListings } from './listing.ts';
import type { NftResult } from './result.ts';
import { type NetfilterChange, type ObservedTable, transactionText } from './table.ts';

export interface NetfilterClient {
  /** Our table, or null when there is none. One complete answer or an error. */
  observe(): Promise<NftResult<ObservedTable | null>>;
  /** Run all changes in one transaction: all of them happen, or none. */
  change(changes: readonly NetfilterChange[]): Promise<NftResult<null>>;
  /** Process ids of transactions of ours that ended lately: `nft monitor` names the process behind each change. */
  ownProcesses(): ReadonlySet<number>;
}

/** Longest that one run may take: the largest tables load in seconds, and a stuck one must not stop the loop. */
const DEADLINE_MS = 60_000;
/** A listing of 50,000 services is some 40 MB. */
const MOST_OUTPUT = 256 * 1024 * 1024;
const REMEMBERED_PROCESSES = 64;

export function openNetfilter(program = 'nft'): NetfilterClient {
  const own = new Set<number>();
  const remember = (pid: number | undefined): void => {
    if (pid === undefined) return;
    own.add(pid);
    const [oldest] = own;
    if (own.size > REMEMBERED_PROCESSES && oldest !== undefined) own.delete(oldest);
  };
  return {
    async observe() {
      // Not in one run: nft 1.0.6 caches the last table named only, and then does not find the others.
      const [main, arp] = await Promise.all([listTable(program, TABLE), listTable(program, ARP_TABLE)]);
      if (!main.ok) return main;
      if (!arp.ok) return arp;
      return main.value === null ? { ok: true, value: null } : parseListings(main.value, arp.value);
    },
    async change(changes) {
      if (changes.length === 0) return { ok: true, value: null };
      const run = await runNft(program, ['-f', '-'], transactionText(changes), remember);
      if (!run.ok) return run;
      if (run.value.code === 0) return { ok: true, value: null };
      return { ok: false, message: `nft -f: ${firstLine(run.value.stderr)}` };
    },
    ownProcesses: () => own,
  };
}

/** The JSON of one table, or null when there is none of that name. */
async function listTable(program: string, table: string): Promise<NftResult<string | null>> {
  const run = await runNft(program, ['-j', 'list', 'table', ...table.split(' ')], '');
  if (!run.ok) return run;
  const { code, stdout, stderr } = run.value;
  if (code === 0) return { ok: true, value: stdout };
  // The list command has one way to say "no such table", and only its message tells it from other failures.
  if (/No such file or directory/.test(stderr)) return { ok: true, value: null };
  return { ok: false, message: `nft list table ${table}: ${firstLine(stderr)}` };
}

interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function runNft(
  program: string,
  args: readonly string[],
  input: string,
  started: (pid: number | undefined) => void = () => undefined,
): Promise<NftResult<Finished>> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    // Not spawn's own `timeout`: its timer outlives a program that could not be started, and keeps the process alive.
    const timer = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS);
    started(child.pid);
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let size = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MOST_OUTPUT) child.kill('SIGKILL');
      else out.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (err.length < 64) err.push(chunk);
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      const message =
        error.code === 'ENOENT' ? `${program} is not installed: install the nftables package` : error.message;
      resolve({ ok: false, message });
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code === null) {
        resolve({ ok: false, message: `nft ${args.join(' ')} was ended by ${signal ?? 'a signal'}` });
        return;
      }
      resolve({
        ok: true,
        value: { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() },
      });
    });
    // A child that ends before it has read its input breaks the pipe; its exit code tells why.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

function firstLine(text: string): string {
  const line = text.split('\n').find((part) => part.trim() !== '');
  return line === undefined ? 'failed without a message' : line.trim();
}
