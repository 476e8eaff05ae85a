/**
 * An agent's part in a cluster: its source of objects, its Director and its Lease, and its candidacy for summing up what
 * all directors say.
 */
import { randomUUID } from 'node:crypto';
import { release } from 'node:os';
import type { IpvsInfo } from '../../ipvs/types.ts';
import type { Turn } from '../agent.ts';
import { directorStatusOf } from '../director-status.ts';
import type { ObservedVersions } from '../source.ts';
import { openApiClient } from './client.ts';
import { openCredentials } from './credentials.ts';
import { startDirector } from './director.ts';
import { startElection } from './election.ts';
import type { CredentialsSource } from './kubeconfig.ts';
import { openClusterMemory } from './memory.ts';
import { startNodeLease } from './node-lease.ts';
import type { AddressSettings } from './site.ts';
import { type ClusterSource, openClusterSource } from './source.ts';
import { openSummariser } from './summariser.ts';
import { messageOf } from './values.ts';

export interface ClusterSettings {
  readonly credentials: CredentialsSource;
  readonly nodeName: string;
  /** Of the Leases. */
  readonly namespace: string;
  readonly stateDirectory: string;
  readonly settings: AddressSettings;
  /** Whether what is accepted is remembered for the next start. */
  readonly remember: boolean;
  /** For the log. */
  readonly onNote: (message: string) => void;
}

export interface ReportOptions {
  readonly agentVersion: string;
  readonly ipvs: IpvsInfo;
}

export interface Reporting {
  /** What the agent knows after a turn. */
  tell(turn: Turn): void;
  stop(): Promise<void>;
}

export interface Cluster {
  readonly source: ClusterSource;
  /** Start to say in the API what becomes of the objects. */
  report(options: ReportOptions): Reporting;
  close(): Promise<void>;
}

export type OpenedCluster =
  | { readonly ok: true; readonly cluster: Cluster }
  | { readonly ok: false; readonly message: string };

/** The Lease of the one that sums up. */
const SUMMARISER_LEASE = 'summariser.lvs-director.io';

export async function openCluster(settings: ClusterSettings): Promise<OpenedCluster> {
  const { nodeName, namespace, onNote } = settings;
  let credentials: Awaited<ReturnType<typeof openCredentials>>;
  try {
    credentials = await openCredentials(settings.credentials);
  } catch (error) {
    return { ok: false, message: messageOf(error) };
  }
  const client = openApiClient(credentials);
  const memory = openClusterMemory(settings.stateDirectory, credentials.server.href);
  const source = openClusterSource(client, {
    nodeName,
    settings: settings.settings,
    servers: [credentials.server.hostname.replace(/^\[|\]$/g, '')],
    memory: settings.remember ? memory : { load: () => memory.load(), save: () => Promise.resolve() },
    onNote,
  });

  const report = ({ agentVersion, ipvs }: ReportOptions): Reporting => {
    let turn: Turn | null = null;
    const facts = { agentVersion, ipvs, kernelRelease: release(), self: nodeName };
    const nodeUid = (): string | null => source.nodes.items.get(nodeName)?.uid ?? null;
    const noteTrouble = (trouble: string | null): void => {
      if (trouble !== null) onNote(trouble);
    };
    const director = startDirector(client, {
      nodeName,
      nodeUid,
      status: (before, now) => (turn === null ? null : directorStatusOf(turn, facts, before, now)),
      onTrouble: noteTrouble,
    });
    const lease = startNodeLease(client, {
      namespace,
      nodeName,
      nodeUid,
      observed: () => observedEvents(turn?.applied ?? null, source.versions),
      onTrouble: noteTrouble,
    });
    const summariser = openSummariser(client, { namespace, source, turn: () => turn, onNote });
    const election = startElection(client, {
      namespace,
      name: SUMMARISER_LEASE,
      identity: `${nodeName}_${randomUUID()}`,
      onLead: (signal) => summariser.lead(signal),
      onTrouble: noteTrouble,
    });
    source.onEvent(() => summariser.poke());
    return {
      tell(now) {
        turn = now;
        director.poke();
        summariser.poke();
      },
      async stop() {
        await Promise.all([election.stop(), director.stop(), lease.stop()]);
      },
    };
  };

  return {
    ok: true,
    cluster: {
      source,
      report,
      async close() {
        await source.close();
        client.close();
      },
    },
  };
}

/** The newest of any event, while no change waits for the kernel. */
function observedEvents(
  applied: ObservedVersions | null,
  now: ObservedVersions | null,
): ObservedVersions['events'] | null {
  if (applied === null || now === null) return null;
  const { virtualServices, realServers } = now.changes;
  const isApplied = applied.changes.virtualServices === virtualServices && applied.changes.realServers === realServers;
  return isApplied ? now.events : applied.events;
}
