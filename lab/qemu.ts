/**
 * Boots the guest: Debian's kernel in QEMU, with this machine's root as its own (read-only, changes stay in its memory).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { CACHE, type KernelName, kernelFiles, machineBoot } from './cache.ts';
import type { LabEndpoint } from './process.ts';

export type Accelerator = 'kvm' | 'tcg';

export interface Guest {
  readonly endpoint: LabEndpoint;
  readonly accelerator: Accelerator;
  /** `uname -r`. */
  readonly release: string;
  readonly bootMs: number;
  /** Rejects never; resolves when the guest is gone, for whatever reason. */
  readonly gone: Promise<void>;
  stop(): Promise<void>;
}

const PROJECT = join(import.meta.dirname, '..');
const DAEMON_PORT = 7000;
const MEMORY_MB = 2048;
/** In emulation a boot takes 10 s on two free cores. With a hardware accelerator it takes 2 to 4 s, or it hangs in the first instructions. */
const BOOT_MS: Readonly<Record<Accelerator, number>> = { kvm: 15_000, tcg: 180_000 };
const PORT_ATTEMPTS = 5;

export async function bootGuest(kernel: KernelName): Promise<Guest> {
  const wanted = process.env['LAB_ACCEL'];
  if (wanted === 'kvm' || wanted === 'tcg') return bootWith(kernel, wanted);
  if (wanted !== undefined) throw new Error(`LAB_ACCEL is ${wanted}; there are kvm and tcg`);
  // Whether KVM works shows only when a guest has booted with it: the device may be there and useless.
  const known = knownAccelerator();
  if (known !== null) return bootWith(kernel, known);
  try {
    const guest = await bootWith(kernel, 'kvm');
    rememberAccelerator('kvm');
    return guest;
  } catch {
    const guest = await bootWith(kernel, 'tcg');
    rememberAccelerator('tcg');
    return guest;
  }
}

const ACCELERATOR_FILE = join(CACHE, 'accelerator');

function knownAccelerator(): Accelerator | null {
  try {
    const [boot, name] = readFileSync(ACCELERATOR_FILE, 'utf8').trim().split(' ');
    return boot === machineBoot() && (name === 'kvm' || name === 'tcg') ? name : null;
  } catch {
    return null;
  }
}

const rememberAccelerator = (name: Accelerator): void => writeFileSync(ACCELERATOR_FILE, `${machineBoot()} ${name}\n`);

async function bootWith(kernel: KernelName, accelerator: Accelerator): Promise<Guest> {
  let last: unknown = null;
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
    try {
      return await bootOnce(kernel, accelerator, await freePort());
    } catch (error) {
      last = error;
      // Between our look and QEMU's bind somebody took the port.
      if (!(error instanceof Error && /host forwarding rule/.test(error.message))) break;
    }
  }
  throw last;
}

async function bootOnce(kernel: KernelName, accelerator: Accelerator, port: number): Promise<Guest> {
  const files = kernelFiles(kernel);
  const share = mkdtempSync(join(tmpdir(), 'lvs-director-lab-'));
  const token = randomBytes(32).toString('hex');
  const began = performance.now();
  writeFileSync(join(share, 'token'), token, { mode: 0o600 });
  writeFileSync(join(share, 'boot.env'), bootEnvironment());
  const child = spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...arguments_({ files, accelerator, share, port })],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  const gone = new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('close', () => resolve());
  }).then(() => rmSync(share, { recursive: true, force: true }));
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
  };
  try {
    const release = await ready(child, BOOT_MS[accelerator]);
    const endpoint = { at: { host: '127.0.0.1', port }, token };
    return { endpoint, accelerator, release, bootMs: Math.round(performance.now() - began), gone, stop };
  } catch (error) {
    const console = readConsole(share);
    await stop();
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`the guest did not boot (kernel ${kernel}, ${accelerator}): ${why}${console}`, { cause: error });
  }
}

/** Shell assignments for the guest's scripts. */
function bootEnvironment(): string {
  const values = { LAB_PROJECT: PROJECT, LAB_NODE: process.execPath, LAB_NODE_DIR: dirname(process.execPath) };
  return Object.entries(values)
    .map(([name, value]) => `${name}='${value.replaceAll("'", String.raw`'\''`)}'\n`)
    .join('');
}

interface BootArguments {
  readonly files: { readonly image: string; readonly initramfs: string; readonly modules: string };
  readonly accelerator: Accelerator;
  readonly share: string;
  readonly port: number;
}

function arguments_({ files, accelerator, share, port }: BootArguments): string[] {
  const folder = (tag: string, path: string): string[] => [
    '-fsdev',
    `local,id=${tag},path=${path},security_model=none,readonly=on,multidevs=remap`,
    '-device',
    `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`,
  ];
  return [
    ['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-machine', 'q35'],
    // In emulation an old processor: its few features are emulated quickest, its clock is the TSC, and it has no protection
    // keys, with which V8 marks pages of compiled code and of whose emulation Node dies.
    accelerator === 'kvm' ? ['-accel', 'kvm', '-cpu', 'host'] : ['-accel', 'tcg,thread=multi', '-cpu', 'Nehalem'],
    ['-smp', String(Math.min(2, availableParallelism())), '-m', String(MEMORY_MB)],
    ['-kernel', files.image, '-initrd', files.initramfs],
    ['-append', 'console=ttyS0 quiet panic=-1 mitigations=off norandmaps'],
    folder('host', '/'),
    folder('modules', files.modules),
    folder('lab', share),
    ['-netdev', `user,id=net,hostfwd=tcp:127.0.0.1:${port}-:${DAEMON_PORT}`],
    ['-device', 'virtio-net-pci,netdev=net,romfile='],
    // The console goes to a file, the second line tells how far the guest came.
    ['-serial', `file:${join(share, 'console.log')}`],
    ['-chardev', 'stdio,id=report,signal=off', '-serial', 'chardev:report'],
  ].flat();
}

function ready(child: ChildProcess, deadlineMs: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let complaints = '';
  const timer = setTimeout(() => reject(new Error(`it was not up after ${deadlineMs / 1000} s`)), deadlineMs);
  child.stderr?.on('data', (data: Buffer) => {
    complaints += data.toString();
  });
  child.once('error', reject);
  child.once('close', () => reject(new Error(complaints.trim() || 'QEMU ended')));
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const match = /^ready (\S+)/.exec(line);
      if (match?.[1] !== undefined) resolve(match[1]);
      else if (line.startsWith('failed:')) reject(new Error(line.trim()));
    });
  }
  return promise.finally(() => clearTimeout(timer));
}

function readConsole(share: string): string {
  try {
    const lines = readFileSync(join(share, 'console.log'), 'utf8').trim().split('\n');
    return `\n${lines.slice(-20).join('\n')}`;
  } catch {
    return '';
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.once('error', reject);
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
  });
  return promise;
}
