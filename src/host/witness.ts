/**
 * The second witness of what is ours, beside the ledger in the nftables table: a file in /run, keyed by boot and network
 * namespace. It is written before the kernel is, so that a crash at any point leaves nothing of ours unknown.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { readIfThere, writeWhole } from './files.ts';
import type { NodeIdentity } from './identity.ts';

const entry = z.strictObject({
  uid: z.string(),
  /** `namespace/name` of the object, for people. */
  name: z.string(),
  masquerade: z.boolean(),
  /**
   * False while the kernel is being told, at the start of a service's life and at its end. An entry that is not settled
   * proves nothing against a ledger that does not have it.
   */
  settled: z.boolean(),
  /** Its address was not answered for on the LAN. */
  silent: z.boolean().default(false),
});

const witness = z.strictObject({
  version: z.literal(1),
  bootId: z.string(),
  networkNamespace: z.string(),
  /** By service key text. */
  services: z.record(z.string(), entry),
});

export type WitnessEntry = Readonly<z.output<typeof entry>>;
export type WitnessServices = ReadonlyMap<string, WitnessEntry>;

export interface WitnessFile {
  /** What the file says, or null when there is none for this boot and namespace, or it is damaged. */
  read(): Promise<WitnessServices | null>;
  /** Writes only what differs from the last text written or read. */
  write(services: WitnessServices): Promise<void>;
}

export function openWitness(runDirectory: string, identity: NodeIdentity): WitnessFile {
  const path = join(runDirectory, identity.networkNamespace, 'witness.json');
  let current: string | null = null;
  return {
    async read() {
      current = await readIfThere(path);
      return current === null ? null : parseWitness(current, identity);
    },
    async write(services) {
      const text = witnessText(services, identity);
      if (text === current) return;
      await writeWhole(path, text);
      current = text;
    },
  };
}

/** Parse the file's text; null when it belongs to another boot or namespace or was damaged. */
export function parseWitness(text: string, identity: NodeIdentity): WitnessServices | null {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return null;
  }
  const parsed = witness.safeParse(json);
  if (!parsed.success) return null;
  const { bootId, networkNamespace, services } = parsed.data;
  if (bootId !== identity.bootId || networkNamespace !== identity.networkNamespace) return null;
  return new Map(Object.entries(services));
}

export const witnessText = (services: WitnessServices, identity: NodeIdentity): string =>
  `${JSON.stringify({ version: 1, ...identity, services: Object.fromEntries(services) } satisfies z.input<typeof witness>, null, 1)}\n`;
