/** The parts of the long test run, and which of them are still to do. */
import { KERNELS } from '../../lab/cache.ts';

export interface Shard {
  readonly id: string;
  /** The kernel it runs on; null when it needs none. */
  readonly kernel: string | null;
  readonly kind: 'vitest' | 'mutation';
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** How many inputs each property gets in the long run; the quick one has far fewer. */
const LONG_PROPERTY_RUNS = 20_000;
/** How many random histories a real kernel lives in the long run. */
const LONG_HISTORIES = 60;

export const SHARDS: readonly Shard[] = [
  {
    id: 'unit',
    kernel: null,
    kind: 'vitest',
    args: ['--project=unit'],
    env: { PROPERTY_RUNS: String(LONG_PROPERTY_RUNS) },
  },
  ...KERNELS.map((kernel): Shard => ({
    id: 'kernel',
    kernel,
    kind: 'vitest',
    args: ['--project=kernel'],
    env: { LAB_KERNEL: kernel, HISTORIES: String(LONG_HISTORIES), MATRIX: 'all' },
  })),
  ...KERNELS.map((kernel): Shard => ({
    id: 'e2e',
    kernel,
    kind: 'vitest',
    args: ['--project=e2e'],
    env: { LAB_KERNEL: kernel },
  })),
  { id: 'mutation', kernel: null, kind: 'mutation', args: [], env: {} },
];

/** `kernel-6.12`, or just `unit` for what needs no kernel. */
export const shardName = ({ id, kernel }: Shard): string => (kernel === null ? id : `${id}-${kernel}`);

export type Selection =
  | { readonly ok: true; readonly todo: readonly Shard[]; readonly done: readonly Shard[] }
  | { readonly ok: false; readonly message: string };

/** What to run: the shards that `names` name, or all; without those that already passed on this commit. */
export function selectShards(
  shards: readonly Shard[],
  names: readonly string[],
  passed: ReadonlySet<string>,
): Selection {
  const known = new Set(shards.flatMap((shard) => [shard.id, shardName(shard)]));
  const unknown = names.find((name) => !known.has(name));
  if (unknown !== undefined) {
    return { ok: false, message: `there is no shard ${unknown}; there are ${shards.map(shardName).join(', ')}` };
  }
  const wanted = shards.filter(
    (shard) => names.length === 0 || names.includes(shard.id) || names.includes(shardName(shard)),
  );
  const isDone = (shard: Shard): boolean => passed.has(shardName(shard));
  return { ok: true, todo: wanted.filter((shard) => !isDone(shard)), done: wanted.filter(isDone) };
}
