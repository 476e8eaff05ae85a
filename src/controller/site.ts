/**
 * Where directors are and which addresses are whose: what a cluster tells beside the objects. A folder has no site: there
 * this machine is the only director, and every address is trusted.
 */
import type { AddressPolicy } from './policy.ts';

export const DIRECTOR_LABEL = 'lvs-director.io/director';

export interface SiteNode {
  readonly labels: Readonly<Record<string, string>>;
  /** Canonical. */
  readonly addresses: readonly string[];
}

export interface Site {
  /** The Node that this agent directs. */
  readonly self: string;
  /** By name. */
  readonly nodes: ReadonlyMap<string, SiteNode>;
  /** Names of the Nodes that have an address. */
  readonly holders: ReadonlyMap<string, readonly string[]>;
  readonly policy: AddressPolicy;
}

/** Nodes by the addresses that they have. */
export function addressHolders(nodes: ReadonlyMap<string, SiteNode>): Map<string, string[]> {
  const holders = new Map<string, string[]>();
  for (const [name, { addresses }] of nodes) {
    for (const address of addresses) {
      const names = holders.get(address);
      if (names === undefined) holders.set(address, [name]);
      else names.push(name);
    }
  }
  return holders;
}

/** Where the addresses of one VirtualService can be served. Names are in order. */
export interface Placement {
  /** Directors that its nodeSelector matches. Labels decide, never whether one is alive. */
  readonly matching: readonly string[];
  /** For each address those of them that can serve it: an address that a Node has, only that Node. */
  readonly servers: ReadonlyMap<string, readonly string[]>;
}

/** Null without a site. Addresses are canonical. */
export function placementOf(
  site: Site | null,
  addresses: readonly string[],
  nodeSelector: Readonly<Record<string, string>>,
): Placement | null {
  if (site === null) return null;
  const matching = [...site.nodes]
    .filter(([, { labels }]) => labels[DIRECTOR_LABEL] === 'true' && carries(labels, nodeSelector))
    .map(([name]) => name)
    .toSorted();
  const servers = new Map(
    addresses.map((address) => {
      const holders = site.holders.get(address);
      return [address, holders === undefined ? matching : matching.filter((name) => holders.includes(name))] as const;
    }),
  );
  return { matching, servers };
}

const carries = (labels: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean =>
  Object.entries(wanted).every(([key, value]) => labels[key] === value);

/** Directors that can serve at least one of the addresses: only these count in a status. */
export const eligibleDirectors = ({ matching, servers }: Placement): string[] =>
  matching.filter((name) => [...servers.values()].some((names) => names.includes(name)));
