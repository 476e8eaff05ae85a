/** Child processes: run to the end, with their output passed on or kept. */
import { spawn } from 'node:child_process';
import { PROJECT } from './project.ts';

export interface ChildResult {
  /** The exit code; 1 for a child that a signal ended or that could not be started. */
  readonly code: number;
  /** What it wrote to stdout and stderr, in the order it came; empty when the output was passed on. */
  readonly output: string;
}

export interface ChildOptions {
  readonly output: 'inherit' | 'keep';
  readonly env?: Readonly<Record<string, string>>;
}

export function runChild(command: string, args: readonly string[], options: ChildOptions): Promise<ChildResult> {
  const child = spawn(command, args, {
    cwd: PROJECT,
    env: { ...process.env, ...options.env },
    stdio: options.output === 'inherit' ? 'inherit' : ['ignore', 'pipe', 'pipe'],
  });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve) => {
    const finish = (code: number, more = ''): void => {
      resolve({ code, output: Buffer.concat(chunks).toString() + more });
    };
    child.on('error', (error) => {
      finish(1, `${error.message}\n`);
    });
    child.on('close', (code) => {
      finish(code ?? 1);
    });
  });
}
