// What stops the agent from starting: each says what is missing and what to do, and changes nothing.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUNDLED } from '../../lab/agent.ts';
import { DIRECTOR } from '../../lab/scenario.ts';
import { end, ipvs, makeScene, runInSync, type Scene, documents, realServers, virtualService } from './support.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await makeScene();
  await scene.director.write('web.yaml', documents(virtualService('web'), realServers()));
});

afterAll(async () => {
  await scene.network.remove();
});

describe('init without modprobe', () => {
  it('says so, sees to the settings, and ends before a deadline of its own would end it', async () => {
    const argv = ['env', 'PATH=/var/empty', ...BUNDLED, 'init'];
    const { code, stdout, stderr } = await scene.network.attempt(DIRECTOR, argv, { deadlineMs: 25_000 });
    expect(stderr).toContain('modprobe ip_vs: spawn modprobe ENOENT');
    expect(stdout).toBe('Everything is set already.\n');
    expect(code).toBe(0);
  });
});

describe('the agent refuses to start', () => {
  it.each(['run', 'plan'])('without CAP_NET_ADMIN: %s', async (command) => {
    const { director, network } = scene;
    const argv = [
      'setpriv',
      '--bounding-set=-net_admin',
      '--inh-caps=-net_admin',
      ...BUNDLED,
      command,
      '--directory',
      director.folder,
    ];
    const { code, stderr } = await network.attempt(DIRECTOR, argv);
    expect(code).toBe(1);
    expect(stderr).toContain('it needs CAP_NET_ADMIN in the initial user namespace');
    expect(await ipvs(network)).toEqual([]);
  });

  it('without nft', async () => {
    const { director, network } = scene;
    // Only for the program: whoever enters the namespace needs a PATH too.
    const argv = ['env', 'PATH=/var/empty', ...BUNDLED, 'run', '--directory', director.folder];
    const { code, stderr } = await network.attempt(DIRECTOR, argv);
    expect(code).toBe(1);
    expect(stderr).toMatch(/nft.*(not installed|install)/);
    expect(await ipvs(network)).toEqual([]);
  });

  it('beside another agent, which it names', async () => {
    const { director, network } = scene;
    const first = await runInSync(director);
    const second = await director.run();
    const { code, stderr } = await second.finished;
    expect(code).toBe(1);
    expect(stderr).toContain(`process ${first.pid}`);
    const cleanup = await director.command(['cleanup']);
    expect(cleanup.code).toBe(1);
    expect(cleanup.stderr).toContain(`process ${first.pid}`);
    expect(await ipvs(network)).toHaveLength(3);
    // A lock whose holder was killed is free.
    await end(first, 'SIGKILL');
    await end(await runInSync(director));
  });

  it('holds new services while a required kernel setting is wrong, and keeps those that run', async () => {
    const { director, network } = scene;
    await network.run(DIRECTOR, ['sysctl', '-qw', 'net.ipv4.vs.conntrack=0']);
    await director.write('second.yaml', virtualService('second', { addresses: ['192.168.112.201'] }));
    const agent = await runInSync(director);
    expect(await ipvs(network)).toHaveLength(3);
    const { stdout } = await director.command(['list']);
    expect(stdout).toMatch(
      /VirtualService default\/second .*Programmed=False Announced=False\n +SysctlWrong: net\.ipv4\.vs\.conntrack .*lvs-director init/,
    );
    await end(agent);
    await director.command(['init']);
    await end(await runInSync(director));
    expect(await ipvs(network)).toHaveLength(6);
  });
});
