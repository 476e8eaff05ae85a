/** A reflector of things under test: what it told, and waiting for what it will tell. */
import { openApiClient, type ApiClient } from '../../../../src/controller/kubernetes/client.ts';
import {
  startReflector,
  type Reflector,
  type ReflectorOptions,
  type Resource,
} from '../../../../src/controller/kubernetes/reflector.ts';
import type { ApiServer } from '../../../support/api-server.ts';

/** What is kept of a thing; its status is not what counts. */
export interface Thing {
  readonly size: number;
  readonly status: unknown;
}

export const THINGS: Resource<Thing> = {
  kind: 'Thing',
  path: '/apis/test.org/v1/things',
  query: { labelSelector: 'a=b' },
  project({ spec, status }) {
    const { size } = spec as { size: unknown };
    if (size === 'throw') throw new Error('no such size');
    return typeof size === 'number' ? { size, status } : null;
  },
  same: (a, b) => a.size === b.size,
};

export interface ThingOptions {
  readonly size?: unknown;
  readonly uid?: string;
  readonly generation?: number | null;
  readonly status?: unknown;
}

/** `namespace/name` or `name`, as the API server tells it. */
export function thing(key: string, version: number, options: ThingOptions = {}): Record<string, unknown> {
  const { size = 1, uid = `uid-${key}`, generation = 1, status } = options;
  const [name = '', namespace] = key.split('/').toReversed();
  return {
    apiVersion: 'test.org/v1',
    kind: 'Thing',
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      uid,
      resourceVersion: String(version),
      ...(generation === null ? {} : { generation }),
    },
    spec: { size },
    ...(status === undefined ? {} : { status }),
  };
}

export const listOf = (version: number, items: readonly unknown[], more: object = {}): Record<string, unknown> => ({
  apiVersion: 'test.org/v1',
  kind: 'ThingList',
  metadata: { resourceVersion: String(version), ...more },
  items,
});

export const bookmark = (version: number): unknown => ({
  kind: 'Thing',
  metadata: { resourceVersion: String(version) },
});

export interface Following {
  readonly reflector: Reflector<Thing>;
  readonly client: ApiClient;
  /** How often onChange and onEvent were called. */
  readonly counts: { changes: number; events: number };
  readonly troubles: (string | null)[];
  readonly notes: string[];
  /** Milliseconds that it would have waited. */
  readonly sleeps: number[];
  /** Sizes by key. */
  readonly sizes: () => Record<string, number>;
  /** Resolves when it holds; looked at whenever something was told. Rejects after five seconds. */
  when(holds: () => boolean, what: string): Promise<void>;
  stop(): Promise<void>;
}

const DEADLINE_MS = 5_000;

/** Follows THINGS without ever waiting between tries. */
export function follow(server: ApiServer, more: Partial<ReflectorOptions> = {}, resource = THINGS): Following {
  const client = openApiClient(server.credentials());
  const counts = { changes: 0, events: 0 };
  const troubles: (string | null)[] = [];
  const notes: string[] = [];
  const sleeps: number[] = [];
  const looks = new Set<() => void>();
  const look = (): void => {
    for (const each of looks) each();
  };
  const reflector = startReflector(client, resource, {
    random: () => 0,
    sleep: (ms) => {
      sleeps.push(ms);
      look();
      return Promise.resolve();
    },
    ...more,
    onChange: () => {
      counts.changes += 1;
      more.onChange?.();
      look();
    },
    onEvent: () => {
      counts.events += 1;
      more.onEvent?.();
      look();
    },
    onTrouble: (trouble) => {
      troubles.push(trouble);
      setImmediate(look);
    },
    onNote: (message) => {
      notes.push(message);
      // Notes come in the middle of things.
      setImmediate(look);
    },
  });
  return {
    reflector,
    client,
    counts,
    troubles,
    notes,
    sleeps,
    sizes: () => Object.fromEntries([...reflector.items].map(([key, { record }]) => [key, record.size])),
    when(holds, what) {
      if (holds()) return Promise.resolve();
      return new Promise((resolve, reject) => {
        const each = (): void => {
          if (!holds()) return;
          looks.delete(each);
          clearTimeout(timer);
          resolve();
        };
        const timer = setTimeout(() => {
          looks.delete(each);
          reject(new Error(`it did not come to this: ${what}`));
        }, DEADLINE_MS);
        looks.add(each);
      });
    },
    async stop() {
      await reflector.stop();
      client.close();
    },
  };
}
