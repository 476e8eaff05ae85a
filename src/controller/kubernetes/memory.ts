/**
 * What was accepted of the objects of a cluster, kept across restarts: an object that is invalid, or whose kind is gone,
 * when the agent starts is still served as it was when it was last good.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { readIfThere, writeWhole } from '../../host/files.ts';
import type { KnownKinds } from './interpret.ts';
import { type Known, knownObject } from './known.ts';

const remembered = z.object({
  uid: z.string(),
  created: z.string().nullable(),
  generation: z.int().nullable(),
  object: z.record(z.string(), z.unknown()),
});

const saved = z.object({
  version: z.literal(1),
  server: z.string(),
  virtualServices: z.record(z.string(), remembered),
  realServers: z.record(z.string(), remembered),
});

export interface ClusterMemory {
  /** What was saved; empty when nothing was, or it is damaged. Rejects when the file cannot be read. */
  load(): Promise<KnownKinds>;
  /** Writes only when something differs. */
  save(known: KnownKinds): Promise<void>;
}

const NOTHING: KnownKinds = { virtualServices: new Map(), realServers: new Map() };

/** A file for each API server: what one said means nothing for another. */
export function openClusterMemory(stateDirectory: string, server: string): ClusterMemory {
  const name = createHash('sha256').update(server).digest('hex').slice(0, 16);
  const path = join(stateDirectory, `cluster-${name}.json`);
  let current: string | null = null;
  return {
    async load() {
      current = await readIfThere(path);
      return current === null ? NOTHING : parseClusterMemory(current, server);
    },
    async save(known) {
      const text = clusterMemoryText(known, server);
      if (text === current) return;
      await writeWhole(path, text);
      current = text;
    },
  };
}

/** Objects that this version would not accept any more are left out; the kernel keeps them as it keeps unknown ones. */
export function parseClusterMemory(text: string, server: string): KnownKinds {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return NOTHING;
  }
  const parsed = saved.safeParse(json);
  if (!parsed.success || parsed.data.server !== server) return NOTHING;
  return { virtualServices: restore(parsed.data.virtualServices), realServers: restore(parsed.data.realServers) };
}

const restore = (entries: Readonly<Record<string, z.output<typeof remembered>>>): Known =>
  new Map(
    Object.entries(entries).flatMap(([key, { uid, created, generation, object }]) => {
      const { parsed } = knownObject(uid, generation, object, null);
      if (parsed.status !== 'valid') return [];
      return [[key, { uid, created, generation, parsed, held: false, good: { object: parsed.object, generation } }]];
    }),
  );

/** Only what was accepted is worth to be remembered. */
export function clusterMemoryText({ virtualServices, realServers }: KnownKinds, server: string): string {
  const entries = (known: Known): Record<string, z.input<typeof remembered>> =>
    Object.fromEntries(
      [...known].flatMap(([key, { uid, created, good }]) =>
        good === null ? [] : [[key, { uid, created, generation: good.generation, object: good.object }]],
      ),
    );
  const content: z.input<typeof saved> = {
    version: 1,
    server,
    virtualServices: entries(virtualServices),
    realServers: entries(realServers),
  };
  return `${JSON.stringify(content)}\n`;
}
