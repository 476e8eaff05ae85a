/**
 * The classic LVS exercise with as many directors and real servers as wanted, all on one LAN; directors reach the API
 * server by an uplink. Names and addresses of them.
 */
import type { NodeSpec } from '../topology.ts';

export interface Member {
  /** Of the node in the lab, and of its Node object where it has one. */
  readonly name: string;
  /** The last number of its addresses: 192.168.112.151 and fd00:112::151. */
  readonly number: number;
  readonly address: string;
  readonly address6: string;
}

export interface RealServerMember extends Member {
  /** Further addresses of it, in the range that the Node `worker` has for Pods: 10.244.0.153 and fd00:244::153. */
  readonly podAddress: string;
  readonly podAddress6: string;
}

export interface Layout {
  readonly client: Member;
  /** .151 and .152, then .150, .149 and so on. */
  readonly directors: readonly Member[];
  /** .153, .154 and so on. */
  readonly realServers: readonly RealServerMember[];
}

/** Where real servers answer with the last number of their address. */
export const REAL_SERVER_PORT = 10_000;

/** The Node of Pods that live on real servers. Nothing is at its address. */
export const WORKER = 'worker';

/** Of the Pods that live on real servers. */
export const POD_RANGES = ['10.244.0.0/24', 'fd00:244::/64'] as const;

const FIRST_DIRECTORS = [151, 152];
const FIRST_REAL_SERVER = 153;

const member = (name: string, number: number): Member => ({
  name,
  number,
  address: `192.168.112.${number}`,
  address6: `fd00:112::${number}`,
});

export function makeLayout(directors: number, realServers: number): Layout {
  const directorNumber = (index: number): number => FIRST_DIRECTORS[index] ?? 152 - index;
  return {
    client: member('client', 10),
    directors: Array.from({ length: directors }, (_, index) => {
      const number = directorNumber(index);
      return member(`director-${number}`, number);
    }),
    realServers: Array.from({ length: realServers }, (_, index) => {
      const number = FIRST_REAL_SERVER + index;
      return {
        ...member(`rs${number}`, number),
        podAddress: `10.244.0.${number}`,
        podAddress6: `fd00:244::${number}`,
      };
    }),
  };
}

/** What `makeNetwork` makes of it. */
export function nodeSpecs({ client, directors, realServers }: Layout): NodeSpec[] {
  const routes = POD_RANGES.map((range) => `${range} dev eth0`);
  const addresses = ({ address, address6 }: Member): string[] => [`${address}/24`, `${address6}/64`];
  return [
    { name: client.name, legs: [{ lan: 'lan', addresses: addresses(client) }], routes },
    ...directors.map((director): NodeSpec => ({
      name: director.name,
      legs: [{ lan: 'lan', addresses: addresses(director) }],
      routes,
      uplink: true,
    })),
    ...realServers.map((server): NodeSpec => ({
      name: server.name,
      legs: [{ lan: 'lan', addresses: [...addresses(server), `${server.podAddress}/32`, `${server.podAddress6}/128`] }],
      routes,
    })),
  ];
}
