// Each kind of step in the real kernel: what brings it about, and what the kernel's own tools say after it. A kind
// without a case here does not pass type checking.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LabProcess } from '../../lab/process.ts';
import { DIRECTOR } from '../../lab/scenario.ts';
import { STEP_KINDS, type StepKind } from '../../src/controller/steps.ts';
import {
  boundVips,
  documents,
  end,
  ipvs,
  makeScene,
  nftSet,
  realServers,
  runInSync,
  type Scene,
  synced,
  virtualService,
} from './support.ts';

const VIP = '192.168.112.200';
const FIRST = virtualService('first');
const SECOND = virtualService('second', { addresses: ['192.168.112.201'] });
const SERVICE = ['-t', `${VIP}:80`];
const SERVER = ['-r', '192.168.112.153:10000'];

let scene: Scene;
let agent: LabProcess;

beforeAll(async () => {
  scene = await makeScene();
  await scene.director.write('web.yaml', documents(FIRST, SECOND, realServers()));
  // IPVS tells nobody of changes: it is looked at every second.
  agent = await runInSync(scene.director, '--resync-seconds', '1');
});

afterAll(async () => {
  await scene.network.remove();
});

interface Case {
  /** Makes the step necessary. */
  readonly act: () => Promise<unknown>;
  /** What the kernel's tools say once it is done. */
  readonly check: () => Promise<unknown>;
  readonly expected: unknown;
}

const byHand =
  (...argv: readonly string[]) =>
  (): Promise<unknown> =>
    scene.network.run(DIRECTOR, argv);
const removeSecond = (): Promise<unknown> => scene.director.write('web.yaml', documents(FIRST, realServers()));
const exitCode =
  (...argv: readonly string[]) =>
  async (): Promise<number | null> =>
    (await scene.network.attempt(DIRECTOR, argv)).code;
const linesOf = (pattern: RegExp) => async (): Promise<string[]> =>
  (await ipvs(scene.network)).filter((line) => pattern.test(line));
const device = async (): Promise<unknown> => {
  const { stdout } = await scene.network.run(DIRECTOR, ['ip', '-json', '-details', 'link', 'show', 'dummy-lvs']);
  const [link] = JSON.parse(stdout) as { flags: string[]; ifalias: string; linkinfo: { info_kind: string } }[];
  return [link?.flags.includes('UP'), link?.ifalias, link?.linkinfo.info_kind];
};
const UP = [true, 'lvs-director', 'dummy'];
const redirects = async (): Promise<string> =>
  (await scene.network.run(DIRECTOR, ['sysctl', '-n', 'net.ipv4.conf.eth0.send_redirects'])).stdout.trim();

const BOTH = [VIP, '192.168.112.201'];
const CASES: Readonly<Record<Exclude<StepKind, Last>, Case>> = {
  'link create-dummy': { act: byHand('ip', 'link', 'delete', 'dummy-lvs'), check: device, expected: UP },
  'link set-up': { act: byHand('ip', 'link', 'set', 'dummy-lvs', 'down'), check: device, expected: UP },
  'link add-address': {
    act: byHand('ip', 'address', 'delete', `${VIP}/32`, 'dev', 'dummy-lvs'),
    check: async () => (await boundVips(scene.network))?.toSorted(),
    expected: BOTH,
  },
  'link delete-address': { act: removeSecond, check: () => boundVips(scene.network), expected: [VIP] },
  'netfilter create-table': {
    act: byHand('nft', 'delete', 'table', 'inet', 'lvs-director'),
    check: () => nftSet(scene.network, 'svc4'),
    expected: BOTH.map((address) => `${address} . tcp . 80`),
  },
  'netfilter add-element': {
    act: byHand('nft', `delete element inet lvs-director svc4 { ${VIP} . tcp . 80 }`),
    check: () => nftSet(scene.network, 'svc4'),
    expected: BOTH.map((address) => `${address} . tcp . 80`),
  },
  'netfilter delete-element': {
    act: removeSecond,
    check: () => nftSet(scene.network, 'vip4'),
    expected: [VIP],
  },
  'ipvs new-service': {
    act: byHand('ipvsadm', '-D', ...SERVICE),
    check: linesOf(/^-A -t 192\.168\.112\.200/),
    expected: [`-A -t ${VIP}:80 -s wrr`],
  },
  'ipvs set-service': {
    act: byHand('ipvsadm', '-E', ...SERVICE, '-s', 'lc', '-p', '7'),
    check: linesOf(/^-A -t 192\.168\.112\.200/),
    expected: [`-A -t ${VIP}:80 -s wrr`],
  },
  'ipvs delete-service': {
    act: removeSecond,
    check: linesOf(/^-A /),
    expected: [`-A -t ${VIP}:80 -s wrr`],
  },
  'ipvs new-destination': {
    act: byHand('ipvsadm', '-d', ...SERVICE, ...SERVER),
    check: linesOf(/200:80 -r 192\.168\.112\.153/),
    expected: [`-a -t ${VIP}:80 -r 192.168.112.153:10000 -m -w 1`],
  },
  'ipvs set-destination': {
    act: byHand('ipvsadm', '-e', ...SERVICE, ...SERVER, '-m', '-w', '7', '-x', '9', '-y', '3'),
    check: linesOf(/200:80 -r 192\.168\.112\.153/),
    expected: [`-a -t ${VIP}:80 -r 192.168.112.153:10000 -m -w 1`],
  },
  'ipvs delete-destination': {
    act: byHand('ipvsadm', '-a', ...SERVICE, '-r', '192.168.112.10:9', '-m'),
    check: linesOf(/200:80 -r 192\.168\.112\.10:/),
    expected: [],
  },
};

/** Steps of the commands that stand before and after an agent. */
type Last = 'sysctl set' | 'link delete-link' | 'netfilter delete-table';
const LAST: Readonly<Record<Last, Case & { readonly command: string }>> = {
  'sysctl set': {
    act: byHand('sysctl', '-qw', 'net.ipv4.conf.eth0.send_redirects=1'),
    command: 'init',
    check: redirects,
    expected: '0',
  },
  'link delete-link': {
    act: () => end(agent),
    command: 'cleanup',
    check: exitCode('ip', 'link', 'show', 'dummy-lvs'),
    expected: 1,
  },
  'netfilter delete-table': {
    act: async () => {
      await end(await runInSync(scene.director));
    },
    command: 'cleanup',
    check: exitCode('nft', 'list', 'table', 'inet', 'lvs-director'),
    expected: 1,
  },
};

describe('a step of the agent', () => {
  it.each(Object.entries(CASES))('%s', async (kind, { act, check, expected }) => {
    const since = agent.mark();
    await act();
    await agent.waitFor(new RegExp(`"step":"${kind}"[\\s\\S]*"msg":"in sync"`), { since });
    expect(await check()).toEqual(expected);
    expect((await ipvs(scene.network)).filter((line) => line.includes(`${VIP}:80`))).toEqual([
      `-A -t ${VIP}:80 -s wrr`,
      `-a -t ${VIP}:80 -r 192.168.112.153:10000 -m -w 1`,
      `-a -t ${VIP}:80 -r 192.168.112.154:10000 -m -w 1`,
    ]);
    if (act !== removeSecond) return;
    await synced(agent, () => scene.director.write('web.yaml', documents(FIRST, SECOND, realServers())));
  });
});

describe('a step of a command', () => {
  it.each(Object.entries(LAST))('%s', async (_, { act, command, check, expected }) => {
    await act();
    expect(await check()).not.toEqual(expected);
    expect((await scene.director.command([command])).code).toBe(0);
    expect(await check()).toEqual(expected);
  });
});

describe('kinds of steps', () => {
  it('all have a case', () => {
    expect([...Object.keys(CASES), ...Object.keys(LAST)].toSorted()).toEqual([...STEP_KINDS].toSorted());
  });
});
