// Services that somebody else made: they survive everything that we do.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLIENT, DIRECTOR } from '../../lab/scenario.ts';
import { ask } from '../../lab/servers.ts';
import {
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

const FOREIGN = [
  '-A -t 192.168.112.152:8888 -s lc -p 300',
  '-a -t 192.168.112.152:8888 -r 192.168.112.153:10000 -m -w 3',
  '-A -f 7 -s wrr',
  '-A -u 192.168.112.152:53 -s sh -b sh-port',
  '-a -u 192.168.112.152:53 -r 192.168.112.154:53 -g -w 1 -x 100 -y 50',
];
/** What ipvsadm says of them once they are there. */
let shown: string[];
let scene: Scene;

beforeAll(async () => {
  scene = await makeScene();
  await scene.network.run(DIRECTOR, ['ipvsadm', '-R'], { input: `${FOREIGN.join('\n')}\n` });
  shown = await ipvs(scene.network);
  if (shown.length !== FOREIGN.length) throw new Error(`ipvsadm took only ${shown.join('; ')}`);
});

afterAll(async () => {
  await scene.network.remove();
});

const foreignNow = async (): Promise<string[]> => {
  const now = await ipvs(scene.network);
  return now.filter((line) => shown.includes(line));
};

describe('services that are not ours', () => {
  it('survive apply, restart and cleanup, and are shown as not ours', async () => {
    const { director, network } = scene;
    await director.write('web.yaml', documents(virtualService('web'), realServers()));
    let agent = await runInSync(director);
    expect(await foreignNow()).toEqual(shown);
    expect(await ipvs(network)).toHaveLength(shown.length + 3);
    await end(agent);
    agent = await runInSync(director);
    expect(await foreignNow()).toEqual(shown);
    const { stdout } = await director.command(['list']);
    expect(stdout).toMatch(/^TCP {2}192\.168\.112\.152:8888 lc +\(not ours\)$/m);
    expect(stdout).toMatch(/^FWM .*7 wrr +\(not ours\)$/m);
    await end(agent);
    const cleanup = await director.command(['cleanup']);
    expect(cleanup.stderr).toBe('');
    expect(cleanup.code).toBe(0);
    expect(await ipvs(network)).toEqual(shown);
    expect(await nftSet(network, 'svc4')).toBeNull();
    expect((await network.attempt(DIRECTOR, ['ip', 'link', 'show', 'dummy-lvs'])).code).not.toBe(0);
    expect((await director.command(['cleanup'])).stdout).toBe('Nothing of ours is here.\n');
  });

  it('are a Conflict where an object wants the same address and port, and stay as they are', async () => {
    const { director, network } = scene;
    const taken = virtualService('taken', {
      addresses: ['192.168.112.152'],
      ports: [{ name: 'http', protocol: 'TCP', port: 8888, targetPort: 10_000 }],
    });
    await director.write('taken.yaml', taken);
    const agent = await runInSync(director);
    expect(await foreignNow()).toEqual(shown);
    const { stdout } = await director.command(['list']);
    expect(stdout).toMatch(/VirtualService default\/taken +Accepted=True ResolvedRefs=True Programmed=False/);
    expect(stdout).toMatch(/Conflict: .*192\.168\.112\.152:8888.*not ours/);
    expect(['153', '154']).toContain(await ask(network, CLIENT, 'http://192.168.112.200/'));
    // Once the other one is gone, the object gets its service.
    const since = agent.mark();
    await network.run(DIRECTOR, ['ipvsadm', '-D', '-t', '192.168.112.152:8888']);
    await director.write('touch.yaml', '# wakes the agent\n');
    await agent.waitFor(IN_SYNC, { since });
    expect(await ipvs(network)).toContain('-A -t 192.168.112.152:8888 -s wrr');
    await end(agent);
  });
});
