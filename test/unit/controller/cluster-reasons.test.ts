/** A way to every reason that only a cluster gives: one that nothing can give has no scenario here. */
import { describe, expect, it } from 'vitest';
import { directorStatusOf } from '../../../src/controller/director-status.ts';
import {
  ENDPOINT_SLICES,
  NODES as NODE_RESOURCE,
  REAL_SERVERS,
  SERVICE_CIDRS,
  VIRTUAL_SERVICES,
} from '../../../src/controller/kubernetes/records.ts';
import { openClusterSource } from '../../../src/controller/kubernetes/source.ts';
import { firstState } from '../../../src/controller/source.ts';
import { CLUSTER_REASONS } from '../../../src/crd/reasons.ts';
import { SETTINGS } from '../../../src/host/sysctl.ts';
import { trustedRanges } from '../../../src/net/ranges.ts';
import { apiError, openModelApi } from '../../support/model-api.ts';
import { realServerObject, virtualServiceObject } from '../../support/objects.ts';
import { NODES } from '../../support/site.ts';
import { directorView, NOW, type Situation, slice, summaryOf, VIP } from '../../support/summing.ts';
import { type Disturb, turnOf } from '../../support/turn.ts';

type ClusterReason = (typeof CLUSTER_REASONS)[number];

interface Scenario {
  /** `KIND CONDITION`, or `problem`. */
  readonly found: string;
  /** All that is said, as `KIND CONDITION REASON` or `problem REASON`. */
  readonly said: () => Promise<readonly string[]>;
}

const web = (spec: object = {}) => virtualServiceObject({ addresses: [VIP], ...spec });
const rs = (spec: object = {}) => realServerObject('rs', { address: '192.168.112.153', port: 10_000, ...spec });
const behindService = web({ backends: [{ service: { name: 'web' } }] });

/** In the statuses of the objects that all directors follow. */
const summed = (found: string, situation: Situation): Scenario => ({
  found,
  async said() {
    const { changes } = summaryOf({ directors: { a: directorView(), b: directorView() }, ...situation });
    return changes.flatMap(({ identity: { kind }, status }) =>
      status.conditions.map(({ type, reason }) => `${kind} ${type} ${reason}`),
    );
  },
});

/** In the status of the director itself. */
const director = (found: string, kernel: Disturb = () => undefined): Scenario => ({
  found: `Director ${found}`,
  async said() {
    const turn = await turnOf({ objects: [web(), rs()], kernel });
    const ipvs = { version: '1.2.1', connectionTableSize: 4096 };
    const facts = { agentVersion: '1', kernelRelease: '6', ipvs, self: 'a' };
    const { conditions, exceptions } = directorStatusOf(turn, facts, null, NOW);
    return [
      ...conditions.map(({ type, reason }) => `Director ${type} ${reason}`),
      ...exceptions.map(({ reason }) => `Director exception ${reason}`),
    ];
  },
});

/** In what the source says of a kind that cannot be followed any more. */
const unfollowed: Scenario = {
  found: 'problem',
  async said() {
    const api = openModelApi({
      [VIRTUAL_SERVICES.path]: 'VirtualService',
      [REAL_SERVERS.path]: 'RealServer',
      [ENDPOINT_SLICES.path]: 'EndpointSlice',
      [NODE_RESOURCE.path]: 'Node',
      [SERVICE_CIDRS.path]: 'ServiceCIDR',
    });
    api.put(NODE_RESOURCE.path, { metadata: { name: 'a' }, spec: {}, status: {} });
    api.refuse = ({ path, query }) =>
      path === REAL_SERVERS.path && query?.['watch'] === 'true' ? apiError(403) : null;
    const nothing = { virtualServices: new Map(), realServers: new Map() };
    const source = openClusterSource(api.client, {
      nodeName: 'a',
      settings: {
        allowAddresses: trustedRanges([]),
        allowDestinations: trustedRanges([]),
        podCidrs: [],
        serviceCidrs: [],
      },
      servers: [],
      memory: { load: () => Promise.resolve(nothing), save: () => Promise.resolve() },
      onNote: () => undefined,
    });
    const { view, trouble } = await firstState(source, 5_000);
    await source.close();
    expect(trouble).toBeNull();
    return (view?.problems ?? []).map(({ reason }) => `problem ${reason}`);
  },
};

const SCENARIOS: Readonly<Record<ClusterReason, readonly Scenario[]>> = {
  UnknownField: [
    summed('VirtualService Accepted', { objects: [web({ newer: 1 }), rs()] }),
    summed('RealServer Accepted', { objects: [web(), rs({ newer: 1 })] }),
  ],
  SourceIncomplete: [unfollowed],
  AddressNotAllowed: [summed('VirtualService Accepted', { objects: [web({ addresses: ['203.0.113.1'] }), rs()] })],
  AddressReserved: [summed('VirtualService Accepted', { objects: [web({ addresses: ['10.96.0.1'] }), rs()] })],
  NoDirector: ['Accepted', 'Programmed'].map((type) =>
    summed(`VirtualService ${type}`, { objects: [web({ directors: { nodeSelector: { rack: 'none' } } }), rs()] }),
  ),
  NotHere: ['Accepted', 'Programmed'].map((type) =>
    summed(`VirtualService ${type}`, {
      objects: [web({ addresses: ['192.168.112.160'] }), rs()],
      nodes: { ...NODES, c: { labels: {}, addresses: ['192.168.112.160'] } },
    }),
  ),
  NoEndpointSlices: [summed('VirtualService ResolvedRefs', { objects: [behindService] })],
  PortNotFound: [
    summed('VirtualService ResolvedRefs', {
      objects: [web({ backends: [{ service: { name: 'web' } }], ports: [{ port: 81, targetPort: 'none' }] })],
      slices: [slice(['10.244.0.1'])],
    }),
  ],
  NoEndpoints: [summed('VirtualService ResolvedRefs', { objects: [behindService], slices: [slice([])] })],
  DestinationNotAllowed: [
    ...['Accepted', 'Programmed'].map((type) =>
      summed(`RealServer ${type}`, { objects: [web(), rs({ address: '10.96.0.1' })] }),
    ),
    summed('VirtualService ResolvedRefs', { objects: [behindService], slices: [slice(['10.96.0.1'])] }),
  ],
  NotSelected: [summed('RealServer Programmed', { objects: [rs()] })],
  DirectorsUnknown: ['VirtualService', 'RealServer'].map((kind) =>
    summed(`${kind} Programmed`, { objects: [web(), rs()], directors: {} }),
  ),
  SeveralDirectors: [summed('VirtualService Announced', { objects: [web(), rs()] })],
  KernelReady: [director('KernelReady')],
  KernelNotReady: [
    director('KernelReady', ({ state }) => {
      state.wrongSettings = SETTINGS.map((setting) => ({ setting, found: '0' }));
    }),
  ],
  Synced: [director('Synced')],
  NotSynced: [
    director('Synced', ({ faults }) => {
      faults.nft = 'no';
    }),
  ],
};

describe('a reason that only a cluster gives', () => {
  const all = CLUSTER_REASONS.flatMap((reason) => SCENARIOS[reason].map((scenario) => ({ reason, scenario })));

  it.each(all)('$reason is given by $scenario.found', async ({ reason, scenario }) => {
    expect(await scenario.said()).toContain(`${scenario.found} ${reason}`);
  });

  it('has a scenario', () => {
    expect(CLUSTER_REASONS.filter((reason) => SCENARIOS[reason].length === 0)).toEqual([]);
  });
});
