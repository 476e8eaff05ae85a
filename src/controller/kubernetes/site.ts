/** Nodes, ServiceCIDRs and settings of a cluster as the site that compilation knows. Pure. */
import { canonicalAddress } from '../../net/address.ts';
import { type AddressRanges, trustedRanges } from '../../net/ranges.ts';
import type { EndpointSlice } from '../endpoint-slice.ts';
import { addressHolders, type Site, type SiteNode } from '../site.ts';
import type { EndpointSliceRecord, NodeRecord, ServiceCidrRecord } from './records.ts';
import type { Item } from './reflector.ts';

/** What the administrator says about addresses. */
export interface AddressSettings {
  readonly allowAddresses: AddressRanges;
  readonly allowDestinations: AddressRanges;
  /** Pod ranges beside the podCIDRs of Nodes. */
  readonly podCidrs: readonly string[];
  /** Service ranges beside the ServiceCIDRs of the API. */
  readonly serviceCidrs: readonly string[];
}

export interface SiteReading {
  readonly self: string;
  readonly settings: AddressSettings;
  /** Addresses or names at which this agent reaches API servers. */
  readonly servers: readonly string[];
  readonly nodes: ReadonlyMap<string, Item<NodeRecord>>;
  readonly serviceCidrs: ReadonlyMap<string, Item<ServiceCidrRecord>>;
  readonly slices: ReadonlyMap<string, Item<EndpointSliceRecord>>;
}

/** The Service through which a cluster tells where its API servers are. */
const API_SERVICE = 'default/kubernetes';

export function siteOf({ self, settings, servers, nodes, serviceCidrs, slices }: SiteReading): Site {
  const siteNodes = new Map<string, SiteNode>();
  const podCidrs = [...settings.podCidrs];
  for (const [name, { record }] of nodes) {
    siteNodes.set(name, { labels: record.labels, addresses: record.addresses });
    podCidrs.push(...record.podCidrs);
  }
  const holders = addressHolders(siteNodes);
  const apiServers = new Set(servers.flatMap((server) => canonicalAddress(server) ?? []));
  for (const { namespace, record } of slices.values()) {
    if (`${namespace}/${record.service ?? ''}` !== API_SERVICE) continue;
    for (const { addresses } of record.endpoints) for (const address of addresses) apiServers.add(address);
  }
  const serviceRanges = [...serviceCidrs.values()].flatMap(({ record }) => record.cidrs);
  return {
    self,
    nodes: siteNodes,
    holders,
    policy: {
      allowAddresses: settings.allowAddresses,
      allowDestinations: settings.allowDestinations,
      podRanges: trustedRanges([...new Set(podCidrs)]),
      serviceRanges: trustedRanges([...new Set([...settings.serviceCidrs, ...serviceRanges])]),
      nodeAddresses: new Set(holders.keys()),
      apiServers,
    },
  };
}

const PROTOCOLS = { TCP: 'TCP', UDP: 'UDP', SCTP: 'SCTP' } as const;
const FAMILIES: Readonly<Record<string, EndpointSlice['family'] | undefined>> = { IPv4: 'ipv4', IPv6: 'ipv6' };

/** Slices by `namespace/name` of their Service, in order of name. Slices of names (FQDN) have no addresses to send to. */
export function slicesByService(
  slices: ReadonlyMap<string, Item<EndpointSliceRecord>>,
): ReadonlyMap<string, readonly EndpointSlice[]> {
  const services = new Map<string, EndpointSlice[]>();
  for (const { namespace, name, record } of slices.values()) {
    const family = FAMILIES[record.addressType];
    if (record.service === null || family === undefined) continue;
    const key = `${namespace}/${record.service}`;
    const list = services.get(key) ?? [];
    services.set(key, list);
    list.push({
      name,
      family,
      managedBy: record.managedBy,
      ports: record.ports.flatMap(({ protocol, ...port }) =>
        isProtocol(protocol) ? [{ ...port, protocol: PROTOCOLS[protocol] }] : [],
      ),
      endpoints: record.endpoints.flatMap(({ addresses: [address], ready, serving, terminating }) =>
        address === undefined ? [] : [{ address, ready, serving, terminating }],
      ),
    });
  }
  for (const list of services.values()) list.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return services;
}

const isProtocol = (text: string): text is keyof typeof PROTOCOLS => Object.hasOwn(PROTOCOLS, text);
