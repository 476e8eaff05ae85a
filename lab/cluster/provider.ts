/**
 * Clusters for tests, demonstration and measurements: something that has an API server, directors with agents, real servers
 * and a client, wherever they run.
 */
import type { Lab } from '../lab.ts';
import type { Finished, LabProcess } from '../process.ts';
import type { Network } from '../topology.ts';
import type { ControlPlane } from './control-plane.ts';
import type { Layout } from './layout.ts';
import type { NodeObjectSpec } from './objects.ts';

export interface ClusterOptions {
  /** How many; 2 by default. */
  readonly directors?: number;
  readonly realServers?: number;
  /** Node objects beside those of the directors and `worker`. */
  readonly nodes?: readonly NodeObjectSpec[];
  /** Labels of a director's Node beside the usual ones, by its name. */
  readonly directorLabels?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface Cluster extends Layout {
  /** kubectl, requests, tokens; and the API server, which can be stopped. */
  readonly controlPlane: ControlPlane;
  readonly lab: Lab;
  readonly network: Network;
  /** Start the agent of a director with further flags. */
  startAgent(director: string, ...flags: readonly string[]): Promise<LabProcess>;
  /** Another command of lvs-director on a director, as `list`; any exit code. */
  command(director: string, ...argv: readonly string[]): Promise<Finished>;
  /** Ends its agents and everything that was started for it; the lab stays. */
  stop(): Promise<void>;
}

export interface ClusterProvider {
  readonly name: string;
  /** A cluster of its own: nobody else sees its objects. Directors are prepared with `init`, and have no agent yet. */
  start(options?: ClusterOptions): Promise<Cluster>;
}
