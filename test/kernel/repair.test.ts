// Somebody destroys what is ours: it comes back, while the agent runs and after it was down, and stays ours.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LabProcess } from '../../lab/process.ts';
import { CLIENT, DIRECTOR } from '../../lab/scenario.ts';
import { ask } from '../../lab/servers.ts';
import { cases } from '../support/matrix.ts';
import {
  boundVips,
  documents,
  end,
  IN_SYNC,
  ipvs,
  makeScene,
  nftSet,
  realServers,
  runInSync,
  type Scene,
  virtualService,
} from './support.ts';

const FOREIGN = '-A -t 192.168.112.152:9999 -s rr';

const DAMAGE = {
  'ipvsadm -C': { argv: ['ipvsadm', '-C'], foreignStays: false },
  'nft flush ruleset': { argv: ['nft', 'flush', 'ruleset'], foreignStays: true },
  'ip link del dummy-lvs': { argv: ['ip', 'link', 'delete', 'dummy-lvs'], foreignStays: true },
  'an element of the ledger deleted': {
    argv: ['nft', 'delete element inet lvs-director ledger4 { 192.168.112.200 . tcp . 80 }'],
    foreignStays: true,
  },
  'a rule of ours deleted': { argv: ['nft', 'flush chain inet lvs-director postrouting-nat'], foreignStays: true },
  'a destination added by hand': {
    argv: ['ipvsadm', '-a', '-t', '192.168.112.200:80', '-r', '192.168.112.152:7', '-m'],
    foreignStays: true,
  },
  'a weight changed by hand': {
    argv: ['ipvsadm', '-e', '-t', '192.168.112.200:80', '-r', '192.168.112.153:10000', '-m', '-w', '9'],
    foreignStays: true,
  },
  'the device set down': { argv: ['ip', 'link', 'set', 'dummy-lvs', 'down'], foreignStays: true },
} as const;

let scene: Scene;

beforeAll(async () => {
  scene = await makeScene();
  await scene.director.write('web.yaml', documents(virtualService('web'), realServers()));
});

afterAll(async () => {
  await scene.network.remove();
});

const addForeign = (): Promise<unknown> => scene.network.attempt(DIRECTOR, ['ipvsadm', ...FOREIGN.split(' ')]);

async function expectWhole(foreignStays: boolean): Promise<void> {
  const { director, network } = scene;
  expect(await ipvs(network)).toEqual([
    ...(foreignStays ? [FOREIGN] : []),
    '-A -t 192.168.112.200:80 -s wrr',
    '-a -t 192.168.112.200:80 -r 192.168.112.153:10000 -m -w 1',
    '-a -t 192.168.112.200:80 -r 192.168.112.154:10000 -m -w 1',
  ]);
  expect(await boundVips(network)).toEqual(['192.168.112.200']);
  expect(await nftSet(network, 'ledger4')).toEqual(['192.168.112.200 . tcp . 80']);
  expect(['153', '154']).toContain(await ask(network, CLIENT, 'http://192.168.112.200/'));
  expect((await director.plan()).code).toBe(0);
}

describe('is repaired while the agent runs:', () => {
  let agent: LabProcess;

  beforeAll(async () => {
    // IPVS tells nobody about changes, so that its table is looked at again and again.
    agent = await runInSync(scene.director, '--resync-seconds', '2');
  });

  afterAll(async () => {
    await end(agent);
  });

  it.each(Object.entries(DAMAGE))('%s', async (_, { argv, foreignStays }) => {
    await addForeign();
    const since = agent.mark();
    await scene.network.run(DIRECTOR, argv);
    await agent.waitFor(IN_SYNC, { since });
    await expectWhole(foreignStays);
  });
});

describe('is repaired by the next start when the agent was down:', () => {
  it.each(cases(Object.entries(DAMAGE), 3))('%s', async (_, { argv, foreignStays }) => {
    const { director, network } = scene;
    await addForeign();
    await network.run(DIRECTOR, argv);
    expect((await director.plan()).code).toBe(2);
    const agent = await runInSync(director);
    await expectWhole(foreignStays);
    await end(agent);
  });
});

describe('both witnesses lost', () => {
  it('leaves what the kernel has alone, as a Conflict', async () => {
    const { director, network } = scene;
    await network.run(DIRECTOR, [
      'sh',
      '-euc',
      'nft flush ruleset; rm -rf "/run/lvs-director/$(readlink /proc/self/ns/net | tr -dc 0-9)"',
    ]);
    const before = await ipvs(network);
    const agent = await runInSync(director);
    expect(await ipvs(network)).toEqual(before);
    expect((await director.command(['list'])).stdout).toMatch(/Programmed=False Announced=False\n +Conflict: /);
    await end(agent);
    await director.command(['cleanup']);
    expect(await ipvs(network)).toEqual(before);
  });
});
