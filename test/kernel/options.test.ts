// Options of the schema in the kernel: each scheduler and each port, as `ipvsadm -Sn` tells it and as a client gets it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LabProcess } from '../../lab/process.ts';
import { CLIENT, DIRECTOR } from '../../lab/scenario.ts';
import { ask } from '../../lab/servers.ts';
import { SCHEDULERS } from '../../src/crd/virtualservice.ts';
import {
  documents,
  end,
  ipvs,
  makeScene,
  realServer,
  realServers,
  type Scene,
  synced,
  virtualService,
} from './support.ts';

type Scheduler = (typeof SCHEDULERS)[number];

const VIP = '192.168.112.200';
const portOf = (scheduler: Scheduler): number => 8000 + SCHEDULERS.indexOf(scheduler);
const service = (name: Scheduler, scheduler: Scheduler): string =>
  virtualService(name, { scheduler, ports: [{ port: portOf(name), targetPort: 10_000 }] });

let scene: Scene;
let agent: LabProcess;
/** Schedulers without which this kernel was built, as its modules tell. */
let missing: readonly string[];

beforeAll(async () => {
  scene = await makeScene();
  const script = 'for name do modprobe -nq "ip_vs_$name" || echo "$name"; done';
  const look = await scene.network.run(DIRECTOR, ['sh', '-c', script, 'look', ...SCHEDULERS]);
  missing = look.stdout.split('\n').filter((line) => line !== '');
  const services = SCHEDULERS.map((scheduler) => service(scheduler, scheduler));
  await scene.director.write('web.yaml', documents(...services, realServers(2, 1)));
  agent = await scene.director.run();
  // The last step of a turn, also of one in which a service was refused.
  await agent.waitFor(/"step":"link add-address"/);
});

afterAll(async () => {
  await end(agent);
  await scene.network.remove();
});

const lineOf = (scheduler: Scheduler): string => `-A -t ${VIP}:${portOf(scheduler)} -s ${scheduler}`;

async function expectBalanced(scheduler: Scheduler): Promise<void> {
  expect(await ipvs(scene.network)).toContain(lineOf(scheduler));
  expect(['153', '154']).toContain(await ask(scene.network, CLIENT, `http://${VIP}:${portOf(scheduler)}/`));
}

async function expectMissing(scheduler: Scheduler): Promise<void> {
  expect(await ipvs(scene.network)).not.toContain(lineOf(scheduler));
  expect(agent.output().stderr).toMatch(
    new RegExp(`"reason":"SchedulerUnavailable".*no scheduler ${scheduler}; load ip_vs_${scheduler}`),
  );
  expect((await scene.director.command(['list'])).stdout).toMatch(
    new RegExp(`VirtualService default/${scheduler} .*Programmed=False Announced=False\\n +SchedulerUnavailable: `),
  );
}

describe('a scheduler', () => {
  it.each(SCHEDULERS)('%s balances, or is said to be missing in this kernel', async (scheduler) => {
    if (missing.includes(scheduler)) await expectMissing(scheduler);
    else await expectBalanced(scheduler);
  });

  it('is changed in place, each to the next', async () => {
    const present = SCHEDULERS.filter((scheduler) => !missing.includes(scheduler));
    const next = (index: number): Scheduler => present[(index + 1) % present.length] ?? 'rr';
    const changed = present.map((scheduler, index) => service(scheduler, next(index)));
    const since = agent.mark();
    await synced(agent, () => scene.director.write('web.yaml', documents(...changed, realServers(2, 1))));
    const table = await ipvs(scene.network);
    for (const [index, scheduler] of present.entries()) {
      expect(table).toContain(`-A -t ${VIP}:${portOf(scheduler)} -s ${next(index)}`);
    }
    expect(agent.output().stderr.slice(since.stderr)).not.toMatch(/"step":"ipvs (new|delete)-/);
  });
});

describe('ports and weights', () => {
  it('reach the kernel from end to end of their ranges, and the port of a real server is found where it stands', async () => {
    const ports = [{ port: 1, targetPort: 65_535 }, { port: 65_535, targetPort: 1 }, { port: 80 }];
    await synced(agent, () =>
      scene.director.write(
        'web.yaml',
        documents(
          virtualService('web', { ports }),
          realServer('none', { address: '192.168.112.153', port: undefined, weight: 0 }),
          realServer('most', { address: '192.168.112.154', port: 10_000, weight: 65_535 }),
        ),
      ),
    );
    expect(await ipvs(scene.network)).toEqual([
      `-A -t ${VIP}:1 -s wrr`,
      `-A -t ${VIP}:65535 -s wrr`,
      `-A -t ${VIP}:80 -s wrr`,
      `-a -t ${VIP}:1 -r 192.168.112.153:65535 -m -w 0`,
      `-a -t ${VIP}:1 -r 192.168.112.154:65535 -m -w 65535`,
      `-a -t ${VIP}:65535 -r 192.168.112.153:1 -m -w 0`,
      `-a -t ${VIP}:65535 -r 192.168.112.154:1 -m -w 65535`,
      `-a -t ${VIP}:80 -r 192.168.112.153:80 -m -w 0`,
      `-a -t ${VIP}:80 -r 192.168.112.154:10000 -m -w 65535`,
    ]);
    expect((await scene.director.plan()).code).toBe(0);
  });
});
