/**
 * Keeps the Director object of a node: makes it, and writes its status when it changes, not too often.
 */
import { API_VERSION } from '../../crd/group.ts';
import { director as schema, type DirectorStatus } from '../../crd/director.ts';
import { isDeepStrictEqual } from 'node:util';
import { noAnswer } from './api-error.ts';
import { delayAfter, sleep } from './backoff.ts';
import { openBell } from './bell.ts';
import type { ApiClient, ApiError } from './client.ts';
import { messageOf } from './values.ts';

export interface DirectorOptions {
  readonly nodeName: string;
  /** uid of the Node, which owns the Director. */
  readonly nodeUid: () => string | null;
  /** What is to be said now; `before` is what was said last. Null while there is nothing to say. */
  readonly status: (before: DirectorStatus | null, now: string) => DirectorStatus | null;
  readonly onTrouble: (trouble: string | null) => void;
  readonly everyMs?: number;
  readonly random?: () => number;
}

export interface DirectorWriter {
  /** There may be something new to say. */
  poke(): void;
  stop(): Promise<void>;
}

/** A hundred directors write as often as this while objects change. */
const EVERY_MS = 5_000;

const NOT_OBSERVED = { virtualServices: null, realServers: null };

export function startDirector(client: ApiClient, options: DirectorOptions): DirectorWriter {
  const { nodeName, everyMs = EVERY_MS, random = Math.random } = options;
  const path = `/apis/${API_VERSION}/directors`;
  const stopping = new AbortController();
  const { signal } = stopping;
  let written: DirectorStatus | null = null;
  /** What the API server has was read once. */
  let known = false;
  const bell = openBell();

  const read = async (): Promise<ApiError | null> => {
    const answer = await client.request({ method: 'GET', path: `${path}/${nodeName}`, signal });
    if (!answer.ok) return answer.error.status === 404 ? make() : answer.error;
    const parsed = schema.safeParse(answer.value);
    written = parsed.success ? (parsed.data.status ?? null) : null;
    known = true;
    return null;
  };
  const make = async (): Promise<ApiError | null> => {
    const uid = options.nodeUid();
    const owner = { apiVersion: 'v1', kind: 'Node', name: nodeName, uid };
    const metadata = { name: nodeName, ...(uid === null ? {} : { ownerReferences: [owner] }) };
    const body = { apiVersion: API_VERSION, kind: 'Director', metadata };
    const answer = await client.request({ method: 'POST', path, body, signal });
    if (!answer.ok) return answer.error;
    written = null;
    known = true;
    return null;
  };
  /** Null when there is nothing left to write. */
  const write = async (): Promise<ApiError | null> => {
    if (!known) {
      const error = await read();
      if (error !== null) return error;
    }
    const status = options.status(written, new Date().toISOString().replace(/\.\d+Z$/, 'Z'));
    if (status === null || isDeepStrictEqual(status, written)) return null;
    const answer = await client.request({
      method: 'PATCH',
      path: `${path}/${nodeName}/status`,
      contentType: 'application/merge-patch+json',
      // A merge patch leaves what it does not name.
      body: { status: { ...status, observed: { ...NOT_OBSERVED, ...status.observed } } },
      signal,
    });
    if (answer.ok) {
      written = status;
      return null;
    }
    // Somebody removed it; it is made anew.
    if (answer.error.status === 404) known = false;
    return answer.error;
  };
  const run = async (): Promise<void> => {
    let failures = 0;
    while (!signal.aborted) {
      await bell.wait(null, signal);
      if (signal.aborted) return;
      const error = await write().catch((thrown: unknown) => noAnswer('what is to be said', messageOf(thrown)));
      if (signal.aborted) return;
      options.onTrouble(error === null ? null : `Director ${nodeName}: ${error.message}`);
      failures = error === null ? 0 : failures + 1;
      if (error !== null) bell.ring();
      await sleep(error === null ? everyMs : delayAfter(error, failures, random()), signal);
    }
  };
  const running = run();
  return {
    poke: () => bell.ring(),
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
