/**
 * The classic LVS exercise as a network: one client, one director and two real servers on one LAN.
 */
import type { Lab } from './lab.ts';
import { makeNetwork, type Network } from './topology.ts';
import { serveText } from './servers.ts';

export const CLIENT = 'client';
export const DIRECTOR = 'director';

export const ADDRESS = {
  client: '192.168.112.10',
  director: '192.168.112.152',
  realServers: ['192.168.112.153', '192.168.112.154'],
  client6: 'fd00:112::10',
  director6: 'fd00:112::152',
  realServers6: ['fd00:112::153', 'fd00:112::154'],
} as const;

const REAL_SERVER_PORT = 10_000;

/** Its real servers answer on port 10000 with the last number of their address. */
export async function makeScenario(lab: Lab): Promise<Network> {
  const node = (
    name: string,
    v4: string,
    v6: string,
  ): { name: string; legs: { lan: string; addresses: string[] }[] } => ({
    name,
    legs: [{ lan: 'lan', addresses: [`${v4}/24`, `${v6}/64`] }],
  });
  const network = await makeNetwork(lab, [
    node(CLIENT, ADDRESS.client, ADDRESS.client6),
    node(DIRECTOR, ADDRESS.director, ADDRESS.director6),
    node('rs153', ADDRESS.realServers[0], ADDRESS.realServers6[0]),
    node('rs154', ADDRESS.realServers[1], ADDRESS.realServers6[1]),
  ]);
  await Promise.all([
    serveText(network, 'rs153', REAL_SERVER_PORT, '153'),
    serveText(network, 'rs154', REAL_SERVER_PORT, '154'),
  ]);
  return network;
}
