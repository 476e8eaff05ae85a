/** A cluster of two directors, `a` and `b`, for tests of what a cluster adds. */
import type { AddressPolicy } from '../../src/controller/policy.ts';
import { addressHolders, DIRECTOR_LABEL, type Site, type SiteNode } from '../../src/controller/site.ts';
import { trustedRanges } from '../../src/net/ranges.ts';

/** A director with this address. */
export const node = (address: string, labels: Record<string, string> = {}): SiteNode => ({
  labels: { [DIRECTOR_LABEL]: 'true', ...labels },
  addresses: [address],
});

export const NODES = { a: node('192.168.112.151', { rack: '1' }), b: node('192.168.112.152') };

/** As the director `self` sees it. */
export function site(
  self: string,
  nodes: Readonly<Record<string, SiteNode>> = NODES,
  more: Partial<AddressPolicy> = {},
): Site {
  const byName = new Map(Object.entries(nodes));
  const holders = addressHolders(byName);
  const policy: AddressPolicy = {
    allowAddresses: trustedRanges(['192.168.112.0/24', 'fd00::/64']),
    allowDestinations: trustedRanges([]),
    podRanges: trustedRanges(['10.244.0.0/16', 'fd00:244::/64']),
    serviceRanges: trustedRanges(['10.96.0.0/16']),
    nodeAddresses: new Set(holders.keys()),
    apiServers: new Set(['192.168.112.9']),
    ...more,
  };
  return { self, nodes: byName, holders, policy };
}
