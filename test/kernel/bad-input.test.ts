// Wrong input of every sort, while another object is served: it goes on being served, and the error says what to do.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LabProcess } from '../../lab/process.ts';
import { CLIENT } from '../../lab/scenario.ts';
import { ask } from '../../lab/servers.ts';
import {
  documents,
  end,
  IN_SYNC,
  ipvs,
  makeScene,
  realServer,
  realServers,
  runInSync,
  type Scene,
  synced,
  virtualService,
} from './support.ts';

const GOOD = 'http://192.168.112.200/';
const other = { addresses: ['192.168.112.201'] };
const port = (value: unknown): Readonly<Record<string, unknown>> => ({
  ...other,
  ports: [{ name: 'http', protocol: 'TCP', port: value, targetPort: 10_000 }],
});

/** What is written, and what the agent says: object, field, reason and what to do. */
const WRONG: Readonly<Record<string, { readonly text: string; readonly says: RegExp }>> = {
  'an unknown field': {
    text: virtualService('bad', { ...other, colour: 'red' }),
    says: /VirtualService default\/bad.*colour/,
  },
  'port 0': { text: virtualService('bad', port(0)), says: /VirtualService default\/bad.*ports\[0\]\.port.*1.*65535/ },
  'port 70000': {
    text: virtualService('bad', port(70_000)),
    says: /VirtualService default\/bad.*ports\[0\]\.port.*1.*65535/,
  },
  'a VIP that is no address': {
    text: virtualService('bad', { addresses: ['my-vip'] }),
    says: /VirtualService default\/bad.*addresses\[0\].*my-vip/,
  },
  'weight -1': {
    text: realServer('bad', { address: '192.168.112.153', weight: -1 }),
    says: /RealServer default\/bad.*spec\.weight.*0.*65535/,
  },
  'broken YAML': { text: 'apiVersion: lvs-director.io/v1alpha1\nkind: [VirtualService\n', says: /bad\.yaml:\d+:\d+/ },
  'an unknown kind': {
    text: 'apiVersion: lvs-director.io/v1alpha1\nkind: VirtualServer\nmetadata: {name: bad}\n',
    says: /VirtualServer/,
  },
};

let scene: Scene;
let agent: LabProcess;

beforeAll(async () => {
  scene = await makeScene();
  await scene.director.write('good.yaml', documents(virtualService('good'), realServers()));
  agent = await runInSync(scene.director);
});

afterAll(async () => {
  await scene.network.remove();
});

const expectGood = async (): Promise<void> => {
  expect(['153', '154']).toContain(await ask(scene.network, CLIENT, GOOD));
};

describe.each(Object.entries(WRONG))('%s', (_, { text, says }) => {
  it('is told with its place, and stops nobody else', async () => {
    const before = await ipvs(scene.network);
    const since = agent.mark();
    await scene.director.write('bad.yaml', text);
    await agent.waitFor(says, { since });
    expect(agent.output().stderr.slice(since.stderr)).toMatch(/bad\.yaml:\d+:\d+/);
    await agent.waitFor(IN_SYNC, { since });
    expect(await ipvs(scene.network)).toEqual(before);
    await expectGood();
    await synced(agent, () => scene.director.remove('bad.yaml'));
  });
});

describe('an object that was good before', () => {
  it('keeps its last good state while its file is broken, also across a restart', async () => {
    const { director, network } = scene;
    await synced(agent, () => director.write('second.yaml', virtualService('second', other)));
    const before = await ipvs(network);
    const since = agent.mark();
    await director.write('second.yaml', 'kind: [broken\n');
    await agent.waitFor(/second\.yaml:\d+:\d+/, { since });
    await agent.waitFor(IN_SYNC, { since });
    expect(await ipvs(network)).toEqual(before);
    await end(agent);
    agent = await runInSync(director);
    expect(await ipvs(network)).toEqual(before);
    expect(['153', '154']).toContain(await ask(network, CLIENT, 'http://192.168.112.201/'));
    await synced(agent, () => director.remove('second.yaml'));
    expect(await ipvs(network)).toHaveLength(3);
  });
});

describe('the same VIP and port in two files', () => {
  it('goes to the first by namespace and name; the other says Conflict', async () => {
    const { director, network } = scene;
    // By file name it would be the other way round.
    await synced(agent, () => director.write('a.yaml', virtualService('zebra', { scheduler: 'rr' })));
    expect(await ipvs(network)).toContain('-A -t 192.168.112.200:80 -s wrr');
    const { stdout } = await director.command(['list']);
    expect(stdout).toMatch(/VirtualService default\/zebra +Accepted=False .*\n +Conflict: .*default\/good/);
    expect(stdout).toMatch(/VirtualService default\/good +Accepted=True ResolvedRefs=True Programmed=True/);
    await synced(agent, () => director.remove('a.yaml'));
    await expectGood();
  });
});

describe('the folder itself', () => {
  it('empties the tables when it is emptied while the agent runs', async () => {
    const { director, network } = scene;
    await synced(agent, () => director.remove('good.yaml'));
    expect(await ipvs(network)).toEqual([]);
    await synced(agent, () => director.write('good.yaml', documents(virtualService('good'), realServers())));
    await expectGood();
  });

  it('changes nothing when it is missing while the agent runs', async () => {
    const { director, network } = scene;
    const since = agent.mark();
    await network.run('director', ['mv', director.folder, `${director.folder}.away`]);
    await agent.waitFor(/cannot be read/, { since });
    await expectGood();
    await network.run('director', ['mv', `${director.folder}.away`, director.folder]);
    await end(agent);
  });

  it.each([
    ['empty', 'rm -f "$1"/*', /holds no object; nothing is changed/],
    ['missing', 'rm -rf "$1"', /cannot be read .*nothing is changed/],
  ])('changes nothing when it is %s at start, and says so', async (_, script, says) => {
    const { director, network } = scene;
    await network.run('director', ['sh', '-euc', script, 'empty', director.folder]);
    const before = await ipvs(network);
    expect(before).toHaveLength(3);
    const late = await director.run();
    await late.waitFor(says);
    expect((await director.plan()).code).toBe(1);
    expect(await ipvs(network)).toEqual(before);
    await expectGood();
    await end(late);
  });
});
