/** An API server with things in it: it lists, watches and forgets as a real one does, and fails when told to. */
import type { ApiServer, Asked, Watching } from '../../../support/api-server.ts';
import { bookmark, listOf, thing } from './following.ts';

interface Known {
  readonly uid: string;
  readonly size: number;
  readonly generation: number;
  readonly status: number;
  /** When it came, and when its generation changed last. */
  readonly since: number;
  readonly version: number;
}

/** How the next request goes wrong. */
export type Fault = 'error' | 'gone' | 'nonsense' | 'break' | 'garbage' | 'within';

export interface ModelServer {
  readonly version: number;
  readonly things: ReadonlyMap<string, Known>;
  /** Create it, or change its size, with a new generation. */
  put(name: string, size: number): void;
  /** Change nothing but its status, if it is there. */
  touch(name: string): void;
  remove(name: string): void;
  /** End all watches: properly, or by breaking their connections within a line. */
  disconnect(how: 'end' | 'break'): void;
  /** Forget what happened before now. */
  compact(): void;
  /** Say in all watches that their version is forgotten, which is true from now on. */
  expire(): void;
  fail(fault: Fault): void;
  /** Let everything go well, and tell each watch where it stands. */
  calm(): void;
}

/** Answers all requests to `server` from now on. */
export function openModelServer(server: ApiServer): ModelServer {
  const things = new Map<string, Known>();
  const log: { readonly version: number; readonly type: string; readonly object: unknown }[] = [];
  const watches = new Set<Watching>();
  const faults: Fault[] = [];
  let version = 100;
  let forgotten = 0;
  let uids = 0;
  let calm = false;

  const objectOf = (name: string, { uid, size, generation, status, version: at }: Known): unknown =>
    thing(name, at, { uid, size, generation, status });
  const happen = (type: string, object: unknown): void => {
    log.push({ version, type, object });
    for (const watch of watches) watch.send(type, object);
  };
  const failing = (asked: Asked, fault: Fault): void => {
    if (fault === 'error') asked.fail(500, 'InternalError');
    else if (fault === 'gone') asked.fail(404, 'NotFound');
    else if (fault === 'break') asked.destroy();
    // Only a watch goes on after its first line.
    else if (fault === 'nonsense' || asked.query['watch'] === undefined) asked.text('<html>');
    else if (fault === 'garbage') asked.watch().raw('{"type":"ADDED"}\n');
    else asked.watch().send('ERROR', { code: 500, message: 'for a while' });
  };
  const list = (asked: Asked): void => {
    // A snapshot: the token holds its version and how far one has come.
    const [at = version, start = 0] = (asked.query['continue'] ?? '').split(',').filter(Boolean).map(Number);
    if (at !== version) {
      asked.fail(410, 'Expired');
      return;
    }
    const limit = Number(asked.query['limit']);
    const all = [...things].map(([name, known]) => objectOf(name, known));
    const rest = all.length > start + limit;
    asked.json(listOf(version, all.slice(start, start + limit), rest ? { continue: `${at},${start + limit}` } : {}));
  };
  const watch = (asked: Asked): void => {
    const from = Number(asked.query['resourceVersion']);
    if (from < forgotten) {
      asked.fail(410, 'Expired');
      return;
    }
    const watching = asked.watch();
    for (const event of log) if (event.version > from) watching.send(event.type, event.object);
    if (calm) watching.send('BOOKMARK', bookmark(version));
    watches.add(watching);
    void watching.over.then(() => watches.delete(watching));
  };
  server.answerBy((asked) => {
    const fault = faults.shift();
    if (fault !== undefined) failing(asked, fault);
    else if (asked.query['watch'] === 'true') watch(asked);
    else list(asked);
  });

  const endAll = (end: (watching: Watching) => void): void => {
    for (const watching of watches) end(watching);
    watches.clear();
  };
  return {
    get version() {
      return version;
    },
    things,
    put(name, size) {
      version += 1;
      const before = things.get(name);
      const uid = before?.uid ?? `uid-${(uids += 1)}`;
      const generation = (before?.generation ?? 0) + 1;
      const known = { uid, size, generation, status: before?.status ?? 0, since: version, version };
      things.set(name, known);
      happen(before === undefined ? 'ADDED' : 'MODIFIED', objectOf(name, known));
    },
    touch(name) {
      const before = things.get(name);
      if (before === undefined) return;
      version += 1;
      const known = { ...before, status: before.status + 1, version };
      things.set(name, known);
      happen('MODIFIED', objectOf(name, known));
    },
    remove(name) {
      const before = things.get(name);
      if (before === undefined) return;
      version += 1;
      things.delete(name);
      happen('DELETED', objectOf(name, { ...before, version }));
    },
    disconnect(how) {
      endAll((watching) => {
        if (how === 'break') watching.raw('{"type":"DELETED","object":{"kind":"Thi');
        if (how === 'break') watching.destroy();
        else watching.end();
      });
    },
    compact() {
      forgotten = version;
      log.length = 0;
    },
    expire() {
      version += 1;
      forgotten = version;
      log.length = 0;
      endAll((watching) => watching.send('ERROR', { code: 410, reason: 'Expired' }));
    },
    fail(fault) {
      faults.push(fault);
    },
    calm() {
      calm = true;
      faults.length = 0;
      for (const watching of watches) watching.send('BOOKMARK', bookmark(version));
    },
  };
}
