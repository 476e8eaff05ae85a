// The agent dies and comes back: the data plane does not notice.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUNDLED } from '../../lab/agent.ts';
import { CLIENT, DIRECTOR } from '../../lab/scenario.ts';
import {
  documents,
  end,
  IN_SYNC,
  ipvs,
  makeScene,
  realServers,
  runInSync,
  type Scene,
  virtualService,
} from './support.ts';
import { recordNetlink } from './netlink-record.ts';

const MEGABYTES = 64;
let scene: Scene;

beforeAll(async () => {
  scene = await makeScene();
});

afterAll(async () => {
  await scene.network.remove();
});

describe('SIGKILL while a client downloads', () => {
  it('is not noticed by the download, and the restart writes nothing to the kernel', async () => {
    const { director, network } = scene;
    await network.run('rs153', ['sh', '-euc', `mkdir -p /tmp/big; head -c ${MEGABYTES}M /dev/zero >/tmp/big/file`]);
    const server = await network.start('rs153', ['busybox', 'httpd', '-f', '-p', '10001', '-h', '/tmp/big']);
    const ports = [{ name: 'files', protocol: 'TCP', port: 80, targetPort: 10_001 }];
    await director.write('web.yaml', documents(virtualService('web', { ports }), realServers(1, 0)));
    const first = await runInSync(director);
    const table = await ipvs(network);

    const download = await network.start(CLIENT, [
      'curl',
      '--silent',
      '--verbose',
      '--limit-rate',
      '3M',
      '--output',
      '/dev/null',
      '--write-out',
      'done %{size_download}\\n',
      'http://192.168.112.200/file',
    ]);
    await download.waitFor(/< HTTP\/1\.[01] 200/);
    await end(first, 'SIGKILL');

    const restart = await recordNetlink(network, DIRECTOR);
    const second = await runInSync(director);
    expect(download.output().stdout).toBe('');
    const asked = await restart.stop();
    // It looked at everything, and that was all.
    expect(new Set(asked)).toEqual(new Set(['generic read', 'route read', 'netfilter read']));
    const nft = (await network.run(DIRECTOR, ['nft', 'list', 'ruleset'])).stdout;
    expect(nft).toContain('table inet lvs-director');
    expect(await ipvs(network)).toEqual(table);
    expect(second.output().stderr).toContain('"steps":0,"msg":"in sync"');

    // What is recorded is what there is: a change now shows.
    const change = await recordNetlink(network, DIRECTOR);
    await director.write(
      'web.yaml',
      documents(virtualService('web', { ports, masquerade: 'Never' }), realServers(2, 0)),
    );
    await second.waitFor(/ipvs set-destination/);
    expect(new Set(await change.stop())).toEqual(new Set([...asked, 'generic write', 'netfilter write']));

    const result = await download.finished;
    expect(result.stdout).toBe(`done ${MEGABYTES * 1024 * 1024}\n`);
    await end(second);
    server.signal('SIGKILL');
    expect(await ipvs(network)).toHaveLength(3);
  });
});

describe('SIGKILL', () => {
  it('leaves no monitor of the agent behind', async () => {
    const { director, network } = scene;
    // In a session of its own, where nobody but itself sees to its children.
    const argv = [...BUNDLED, 'run', '--directory', director.folder];
    const shell = await network.start(DIRECTOR, ['sh', '-c', 'setsid "$@" & echo "agent $!"; wait', 'run', ...argv]);
    const [, pid = ''] = await shell.waitFor(/agent (\d+)/);
    await shell.waitFor(IN_SYNC);
    const children = async (): Promise<string[]> => {
      const { stdout } = await network.attempt(DIRECTOR, ['pgrep', '--session', pid, '--list-full']);
      return stdout.split('\n').filter((line) => line.includes(' monitor'));
    };
    expect(await children()).toHaveLength(2);
    await network.run(DIRECTOR, ['kill', '-KILL', pid]);
    await shell.finished;
    expect(await children()).toEqual([]);
  });
});

describe('SIGTERM', () => {
  it('leaves the data plane as it is', async () => {
    const { director, network } = scene;
    const agent = await runInSync(director);
    const before = await ipvs(network);
    agent.signal('SIGTERM');
    expect((await agent.finished).code).toBe(0);
    expect(await ipvs(network)).toEqual(before);
    expect((await director.plan()).code).toBe(0);
  });
});
