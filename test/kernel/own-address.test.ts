// The classic LVS exercise: the VIP is the director's own address.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LabProcess } from '../../lab/process.ts';
import { CLIENT, DIRECTOR } from '../../lab/scenario.ts';
import { ask, askMany, outcome, serveText } from '../../lab/servers.ts';
import {
  boundVips,
  end,
  ipvs,
  makeScene,
  nftSet,
  realServers,
  runInSync,
  type Scene,
  synced,
  tally,
  virtualService,
} from './support.ts';

const SERVICE = 'http://192.168.112.152:81/';
const EXAMPLE = readFileSync(new URL('../../deploy/examples/own-address/web.yaml', import.meta.url), 'utf8');
const OWN = {
  addresses: ['192.168.112.152'],
  ports: [{ name: 'http', protocol: 'TCP', port: 81, targetPort: 10_000 }],
};

let scene: Scene;
let agent: LabProcess;

beforeAll(async () => {
  scene = await makeScene();
  await serveText(scene.network, DIRECTOR, 22, 'ssh of the director');
});

afterAll(async () => {
  await scene.network.remove();
});

const ssh = (): Promise<string> => ask(scene.network, CLIENT, 'http://192.168.112.152:22/');

describe('a virtual service on an own address of the director', () => {
  it('is only planned by plan, in the words of the tools, with exit code 2', async () => {
    expect(await ssh()).toBe('ssh of the director');
    await scene.director.write('web.yaml', EXAMPLE);
    const { code, stdout } = await scene.director.plan();
    expect(code).toBe(2);
    expect(stdout).toContain('  ipvsadm -A -t 192.168.112.152:81 -s wrr\n');
    expect(stdout).toContain('  ipvsadm -a -t 192.168.112.152:81 -r 192.168.112.153:10000 -m -w 1\n');
    expect(await ipvs(scene.network)).toEqual([]);
    expect(await nftSet(scene.network, 'svc4')).toBeNull();
  });

  it('is made by run: equal weights alternate', async () => {
    agent = await runInSync(scene.director);
    expect(await ipvs(scene.network)).toEqual([
      '-A -t 192.168.112.152:81 -s wrr',
      '-a -t 192.168.112.152:81 -r 192.168.112.153:10000 -m -w 1',
      '-a -t 192.168.112.152:81 -r 192.168.112.154:10000 -m -w 1',
    ]);
    const answers = await askMany(scene.network, CLIENT, SERVICE, 8);
    expect(tally(answers)).toEqual({ '153': 4, '154': 4 });
    answers.slice(1).forEach((answer, index) => expect(answer).not.toBe(answers[index]));
  });

  it('leaves an empty plan behind', async () => {
    const { code, stdout } = await scene.director.plan();
    expect(stdout).toBe('Nothing to do.\n');
    expect(code).toBe(0);
  });

  it('never filters or binds the own address: the daemons on it answer', async () => {
    expect(await ssh()).toBe('ssh of the director');
    expect(await nftSet(scene.network, 'vip4')).toEqual([]);
    expect(await boundVips(scene.network)).toBeNull();
  });

  it('shows itself in list beside what ipvsadm shows', async () => {
    const { code, stdout } = await scene.director.command(['list']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^TCP {2}192\.168\.112\.152:81 wrr +default\/web$/m);
    expect(stdout).toMatch(/^ {2}-> 192\.168\.112\.153:10000 +Masq +1 .* web-153$/m);
    expect(stdout).toMatch(/VirtualService default\/web +Accepted=True ResolvedRefs=True Programmed=True/);
    const json = await scene.director.command(['list', '-o', 'json']);
    const report = JSON.parse(json.stdout) as { services: { object: string; destinations: unknown[] }[] };
    expect(report.services).toHaveLength(1);
    expect(report.services[0]?.object).toBe('default/web');
    expect(report.services[0]?.destinations).toHaveLength(2);
  });

  it('shares 40 requests 30 to 10 with weights 3 and 1', async () => {
    await synced(agent, () =>
      scene.director.write('web.yaml', `${virtualService('web', OWN)}---\n${realServers(3, 1)}`),
    );
    expect(await ipvs(scene.network)).toContain('-a -t 192.168.112.152:81 -r 192.168.112.153:10000 -m -w 3');
    expect(tally(await askMany(scene.network, CLIENT, SERVICE, 40))).toEqual({ '153': 30, '154': 10 });
  });

  it('goes when its file goes, and the own address stays', async () => {
    await synced(agent, () => scene.director.remove('web.yaml'));
    expect(await ipvs(scene.network)).toEqual([]);
    expect(await nftSet(scene.network, 'svc4')).toEqual([]);
    expect(await nftSet(scene.network, 'ledger4')).toEqual([]);
    expect(await outcome(scene.network, CLIENT, SERVICE)).toBe('refused');
    expect(await ssh()).toBe('ssh of the director');
  });

  it('logs one line of JSON for each change in the kernel, with object and step', async () => {
    await end(agent);
    const lines = agent
      .output()
      .stderr.trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { step?: string; object?: string | null; msg: string });
    const changes = lines.filter((line) => line.step?.startsWith('ipvs'));
    expect(changes.map((line) => line.step)).toEqual([
      'ipvs new-service',
      'ipvs new-destination',
      'ipvs new-destination',
      'ipvs set-destination',
      'ipvs delete-service',
    ]);
    for (const change of changes) expect(change.object).toBe('default/web');
  });
});
