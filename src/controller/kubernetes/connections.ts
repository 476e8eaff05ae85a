/**
 * One pool of connections to the API server for requests and streams, replaced when the TLS material is.
 */
import type { Agent } from 'node:https';
import { isDeepStrictEqual } from 'node:util';
import type { ConnectionOptions } from './credentials.ts';

// Not imported: as an ES module it evaluates the getter of node:http's WebSocket, which loads all of undici.
const { Agent: HttpsAgent } = process.getBuiltinModule('node:https');

export interface Connections {
  /** The pool for these options. Connections with other TLS material end when what uses them does. */
  agentFor(options: ConnectionOptions): Agent;
  /** One stream more (1) or less (-1): streams do not count against what requests may use. */
  streams(change: 1 | -1): void;
  /** Ends unused connections; the others end with what uses them. */
  close(): void;
}

const MOST_SOCKETS = 16;
const MOST_FREE_SOCKETS = 8;
/** A connection whose other end is gone without a word is noticed by TCP. */
const KEEP_ALIVE_MS = 10_000;
/** Unused connections go before the server ends them (90 s), which would hit the next request. */
const FREE_SOCKET_MS = 60_000;

type Material = Omit<ConnectionOptions, 'headers'>;

export function openConnections(): Connections {
  let agent: Agent | null = null;
  let current: ConnectionOptions | null = null;
  let material: Material = {};
  let streams = 0;

  return {
    agentFor(options) {
      if (agent !== null && options === current) return agent;
      const wanted = materialOf(options);
      current = options;
      if (agent !== null && isDeepStrictEqual(wanted, material)) return agent;
      if (agent !== null) retire(agent);
      material = wanted;
      agent = new HttpsAgent({
        ...wanted,
        keepAlive: true,
        keepAliveMsecs: KEEP_ALIVE_MS,
        maxSockets: MOST_SOCKETS + streams,
        maxFreeSockets: MOST_FREE_SOCKETS,
        timeout: FREE_SOCKET_MS,
      });
      return agent;
    },
    streams(change) {
      streams += change;
      if (agent !== null) agent.maxSockets = MOST_SOCKETS + streams;
    },
    close() {
      if (agent !== null) retire(agent);
    },
  };
}

/** All but the headers: a new token needs no new connection. */
function materialOf(options: ConnectionOptions): Material {
  const material: { -readonly [key in keyof ConnectionOptions]?: ConnectionOptions[key] } = { ...options };
  delete material.headers;
  return material;
}

/** Connections that are in use end with what uses them; no other is kept. */
function retire(agent: Agent): void {
  agent.maxFreeSockets = 0;
  for (const socket of Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? [])) socket.destroy();
}
