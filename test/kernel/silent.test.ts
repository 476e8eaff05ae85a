// `announce: None`: the VIP is served, and no ARP names it. What reaches it by a route is answered.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LabProcess } from '../../lab/process.ts';
import { ADDRESS, CLIENT, DIRECTOR } from '../../lab/scenario.ts';
import { askMany } from '../../lab/servers.ts';
import { documents, makeScene, realServers, runInSync, type Scene, synced, tally, virtualService } from './support.ts';

const VIP = '192.168.112.203';
const SHARED = '192.168.112.204';

let scene: Scene;
let agent: LabProcess;

const onVip = (announce: string): string => virtualService('quiet', { addresses: [VIP], announce });
const shared = (name: string, port: number, announce: string): string =>
  virtualService(name, { addresses: [SHARED], ports: [{ port, targetPort: 10_000 }], announce });
const write = (...texts: string[]): Promise<void> =>
  synced(agent, () => scene.director.write('web.yaml', documents(...texts, realServers())));

beforeAll(async () => {
  scene = await makeScene();
  await scene.director.write('web.yaml', documents(onVip('None'), realServers()));
  agent = await runInSync(scene.director);
});

afterAll(async () => {
  await scene.network.remove();
});

/** Whether anybody answers an ARP request of the client for the address. */
async function isAnswered(address: string): Promise<boolean> {
  const probe = ['busybox', 'arping', '-I', 'eth0', '-c', '2', '-w', '3', '-f', address];
  return (await scene.network.attempt(CLIENT, probe)).code === 0;
}
const silent = async (): Promise<string> =>
  (await scene.network.run(DIRECTOR, ['nft', 'list', 'set', 'arp', 'lvs-director', 'silent4'])).stdout;

describe('a VIP that is not announced', () => {
  it('is not answered for by ARP, while the own address of the director is', async () => {
    expect(await isAnswered(VIP)).toBe(false);
    expect(await isAnswered(ADDRESS.director)).toBe(true);
    expect(await silent()).toContain(VIP);
    expect((await scene.director.plan()).code).toBe(0);
  });

  it('is served to who comes by a route, and the director asks for nobody in its name', async () => {
    await scene.network.run(CLIENT, ['ip', 'route', 'add', `${VIP}/32`, 'via', ADDRESS.director]);
    // Without an entry for the client the director has to ask before it can answer.
    await scene.network.run(DIRECTOR, ['ip', 'neighbour', 'flush', 'all']);
    const url = `http://${VIP}/`;
    expect(tally(await askMany(scene.network, CLIENT, url, 4))).toEqual({ '153': 2, '154': 2 });
    const neighbours = await scene.network.run(CLIENT, ['ip', 'neighbour', 'show', VIP]);
    expect(neighbours.stdout).not.toMatch(/lladdr/);
    await scene.network.run(CLIENT, ['ip', 'route', 'delete', `${VIP}/32`]);
  });

  it('is answered for as soon as it is announced, and silent again afterwards', async () => {
    await write(onVip('L2'));
    expect(await isAnswered(VIP)).toBe(true);
    expect(await silent()).not.toContain(VIP);
    await write(onVip('None'));
    expect(await isAnswered(VIP)).toBe(false);
  });

  it('is silent when one of two that share it asks for that', async () => {
    await write(onVip('None'), shared('a', 80, 'L2'), shared('b', 81, 'None'));
    expect(await isAnswered(SHARED)).toBe(false);
    await write(onVip('None'), shared('a', 80, 'L2'), shared('b', 81, 'L2'));
    expect(await isAnswered(SHARED)).toBe(true);
  });

  it('stays silent when the tables are wiped', async () => {
    await synced(agent, () => scene.network.run(DIRECTOR, ['nft', 'delete', 'table', 'arp', 'lvs-director']));
    expect(await isAnswered(VIP)).toBe(false);
    await synced(agent, () => scene.network.run(DIRECTOR, ['nft', 'flush', 'ruleset']));
    expect(await isAnswered(VIP)).toBe(false);
    expect((await scene.director.plan()).code).toBe(0);
  });
});
