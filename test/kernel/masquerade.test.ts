// Masquerading Always and Never on a director between two networks: what the real server sees.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeDirector } from '../../lab/agent.ts';
import { ask, serveCaller } from '../../lab/servers.ts';
import { makeNetwork, type Network } from '../../lab/topology.ts';
import { documents, lab, nftSet, realServer, runInSync, synced, virtualService } from './support.ts';

let network: Network;

beforeAll(async () => {
  network = await makeNetwork(lab(), [
    { name: 'client', legs: [{ lan: 'outside', addresses: ['192.0.2.10/24'] }] },
    {
      name: 'director',
      legs: [
        { lan: 'outside', addresses: ['192.0.2.152/24'] },
        { lan: 'inside', addresses: ['10.20.0.152/24'] },
      ],
    },
    { name: 'server', legs: [{ lan: 'inside', addresses: ['10.20.0.153/24'] }], routes: ['default via 10.20.0.152'] },
  ]);
  await serveCaller(network, 'server', 10_000);
});

afterAll(async () => {
  await network.remove();
});

describe('masquerade', () => {
  it('keeps the client address with Never, hides it with Always, and changes in place', async () => {
    const director = await makeDirector(network, 'director');
    expect((await director.command(['init'])).code).toBe(0);
    const objects = (masquerade: string): string =>
      documents(
        virtualService('web', { addresses: ['192.0.2.200'], masquerade }),
        realServer('web', { address: '10.20.0.153' }),
      );
    await director.write('web.yaml', objects('Never'));
    const agent = await runInSync(director);
    expect(await ask(network, 'client', 'http://192.0.2.200/')).toBe('192.0.2.10');
    await synced(agent, () => director.write('web.yaml', objects('Always')));
    expect(await nftSet(network, 'masq4')).toEqual(['192.0.2.200 . tcp . 80']);
    expect(await ask(network, 'client', 'http://192.0.2.200/')).toBe('10.20.0.152');
    await synced(agent, () => director.write('web.yaml', objects('Never')));
    expect(await ask(network, 'client', 'http://192.0.2.200/')).toBe('192.0.2.10');
  });
});
