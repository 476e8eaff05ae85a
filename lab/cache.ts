/**
 * Where the lab keeps what it fetched and built, outside the tree.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export const CACHE =
  process.env['LVS_DIRECTOR_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'lvs-director');

export const KERNELS = ['6.1', '6.12'] as const;
export type KernelName = (typeof KERNELS)[number];

/** The kernel that `LAB_KERNEL` asks for. */
export function wantedKernel(): KernelName {
  const name = process.env['LAB_KERNEL'] ?? '6.1';
  const found = KERNELS.find((kernel) => kernel === name);
  if (found === undefined) throw new Error(`LAB_KERNEL is ${name}; there are ${KERNELS.join(' and ')}`);
  return found;
}

export interface KernelFiles {
  readonly image: string;
  readonly initramfs: string;
  /** Holds `lib/modules/RELEASE`. */
  readonly modules: string;
}

/** The files of a kernel that `lab/install.sh` has fetched. */
export function kernelFiles(kernel: KernelName): KernelFiles {
  const directory = join(CACHE, `kernel-${kernel}`);
  const initramfs = existsSync(directory)
    ? readdirSync(directory).find((name) => name.startsWith('initramfs-'))
    : undefined;
  if (initramfs === undefined || !existsSync(join(directory, 'release'))) {
    throw new Error(`kernel ${kernel} is not in ${CACHE}; run: lab/install.sh ${kernel}`);
  }
  return {
    image: join(directory, 'vmlinuz'),
    initramfs: join(directory, initramfs),
    modules: join(directory, 'lib', 'modules'),
  };
}

/** Identifies this boot of the machine: what was tried by use holds until the next. */
export const machineBoot = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
