/**
 * A lab: a disposable machine with a real IPVS kernel, as one small interface for tests, demo and benchmarks.
 */
import { wantedKernel } from './cache.ts';
import { exposePort } from './expose.ts';
import { bootNative } from './native.ts';
import {
  type Finished,
  type LabProcess,
  type ProcessOptions,
  type RunOptions,
  runProcess,
  startProcess,
} from './process.ts';
import { bootGuest } from './qemu.ts';
import type { LabEndpoint } from './process.ts';

export interface Lab {
  /** `6.1.0-56-amd64 (kvm)`: what runs and how. */
  readonly description: string;
  readonly endpoint: LabEndpoint;
  readonly bootMs: number;
  /** Run to the end; rejects when the exit code is not 0. */
  run(argv: readonly string[], options?: RunOptions): Promise<Finished>;
  /** Run to the end, whatever the exit code. */
  attempt(argv: readonly string[], options?: RunOptions): Promise<Finished>;
  start(argv: readonly string[], options?: ProcessOptions): Promise<LabProcess>;
  /**
   * Make a port of this machine's 127.0.0.1 reachable in the lab's root namespace, as 10.0.2.2, as long as this process
   * runs; nodes with an uplink reach it too.
   */
  expose(port: number): Promise<void>;
  /** Ends the lab and every process in it. */
  stop(): Promise<void>;
}

/** Boot a lab: a guest with the kernel of `LAB_KERNEL`, or, with `LAB=native`, namespaces of this machine's own kernel. */
export async function bootLab(): Promise<Lab> {
  if (process.env['LAB'] === 'native') {
    const native = await bootNative();
    return {
      description: `${native.release} (native)`,
      bootMs: native.bootMs,
      ...operations(native.endpoint),
      stop: () => native.stop(),
    };
  }
  const guest = await bootGuest(wantedKernel());
  return {
    description: `${guest.release} (${guest.accelerator})`,
    bootMs: guest.bootMs,
    ...operations(guest.endpoint),
    stop: () => guest.stop(),
  };
}

/** A lab that another process booted and will stop. */
export const attachLab = (endpoint: LabEndpoint, description: string): Lab => ({
  description,
  bootMs: 0,
  ...operations(endpoint),
  stop: () => Promise.resolve(),
});

function operations(endpoint: LabEndpoint): Omit<Lab, 'description' | 'bootMs' | 'stop'> {
  const attempt: Lab['attempt'] = (argv, options) => runProcess(endpoint, argv, options);
  return {
    endpoint,
    attempt,
    async run(argv, options) {
      const result = await attempt(argv, options);
      if (result.code === 0) return result;
      const ended = result.signal ?? `exit code ${result.code ?? 'unknown'}`;
      throw new Error(`${argv.join(' ')}: ${ended}\n${result.stdout}${result.stderr}`);
    },
    start: (argv, options) => startProcess(endpoint, argv, options),
    expose: (port) => exposePort(endpoint, port),
  };
}
