/**
 * The Lease by which a director says that it lives, and how far it has followed the objects. It is renewed as long as the
 * agent runs, and outlives it: a director that is started anew has never been away.
 */
import type { KindVersions } from '../source.ts';
import { backoffDelay, sleep } from './backoff.ts';
import type { ApiClient } from './client.ts';
import { leaseObject, leasesPath, microTime } from './leases.ts';
import type { LeaseReading } from './presence.ts';
import type { Resource } from './reflector.ts';
import { openTeller } from './teller.ts';
import { isRecord, messageOf } from './values.ts';

/** Who has not renewed for so long is not alive. */
export const LEASE_DURATION_SECONDS = 40;

const RENEW_MS = 10_000;
const LONGEST_RETRY_MS = 8_000;
const DEADLINE_MS = 5_000;

/** Tells Leases of directors from others of the namespace. */
const LABEL = 'lvs-director.io/lease';
const LABEL_VALUE = 'node';
/** The newest versions that were carried out, of any event. */
const OBSERVED = 'lvs-director.io/observed';

/** Leases of all directors, for the reflector. */
export const nodeLeases = (namespace: string): Resource<LeaseReading> => ({
  kind: 'Lease',
  path: leasesPath(namespace),
  query: { labelSelector: `${LABEL}=${LABEL_VALUE}` },
  project: projectNodeLease,
});

/** A director's Lease; an annotation that is damaged tells nothing. */
export function projectNodeLease(object: Readonly<Record<string, unknown>>): LeaseReading | null {
  const { metadata, spec } = object;
  if (!isRecord(metadata) || typeof metadata['name'] !== 'string') return null;
  const renewTime = isRecord(spec) ? spec['renewTime'] : undefined;
  const annotations = isRecord(metadata['annotations']) ? metadata['annotations'] : {};
  return {
    node: metadata['name'],
    renewTime: typeof renewTime === 'string' ? renewTime : null,
    observed: parseObserved(annotations[OBSERVED]),
  };
}

function parseObserved(text: unknown): KindVersions {
  let value: unknown = null;
  try {
    value = typeof text === 'string' ? JSON.parse(text) : null;
  } catch {
    value = null;
  }
  const version = (kind: keyof KindVersions): string | null => {
    const found = isRecord(value) ? value[kind] : null;
    return typeof found === 'string' ? found : null;
  };
  return { virtualServices: version('virtualServices'), realServers: version('realServers') };
}

export interface NodeLeaseOptions {
  readonly namespace: string;
  readonly nodeName: string;
  /** uid of the Node, which owns the Lease; null while it is not known. */
  readonly nodeUid: () => string | null;
  readonly observed: () => KindVersions | null;
  readonly onTrouble: (trouble: string | null) => void;
  readonly renewMs?: number;
  readonly random?: () => number;
}

export interface NodeLease {
  /** Resolves when nothing runs any more. The Lease stays, and ends by itself. */
  stop(): Promise<void>;
}

/** Starts to renew, the first time at once. */
export function startNodeLease(client: ApiClient, options: NodeLeaseOptions): NodeLease {
  const { namespace, nodeName, renewMs = RENEW_MS, random = Math.random } = options;
  const path = leasesPath(namespace);
  const stopping = new AbortController();
  const { signal } = stopping;
  const tell = openTeller(options.onTrouble);

  /** What went wrong, or null. */
  const renew = async (): Promise<string | null> => {
    const uid = options.nodeUid();
    const observed = options.observed();
    const owner = { apiVersion: 'v1', kind: 'Node', name: nodeName, uid };
    const metadata = {
      name: nodeName,
      labels: { [LABEL]: LABEL_VALUE },
      ...(uid === null ? {} : { ownerReferences: [owner] }),
      ...(observed === null ? {} : { annotations: { [OBSERVED]: JSON.stringify(observed) } }),
    };
    const body = leaseObject(metadata, {
      holderIdentity: nodeName,
      leaseDurationSeconds: LEASE_DURATION_SECONDS,
      renewTime: microTime(new Date()),
    });
    const patched = await client.request({
      method: 'PATCH',
      path: `${path}/${nodeName}`,
      contentType: 'application/merge-patch+json',
      body,
      deadlineMs: DEADLINE_MS,
      signal,
    });
    if (patched.ok) return null;
    if (patched.error.status !== 404) return patched.error.message;
    const made = await client.request({ method: 'POST', path, body, deadlineMs: DEADLINE_MS, signal });
    return made.ok ? null : made.error.message;
  };
  const run = async (): Promise<void> => {
    let failures = 0;
    while (!signal.aborted) {
      const error = await renew().catch(messageOf);
      if (signal.aborted) return;
      tell(error === null ? null : `Lease ${namespace}/${nodeName}: ${error}`);
      failures = error === null ? 0 : failures + 1;
      // Not when the server asks to come again: that may be after the Lease has ended.
      await sleep(error === null ? renewMs : backoffDelay(failures, random(), LONGEST_RETRY_MS), signal);
    }
  };
  const running = run();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
