// The program as a user starts it: from a checkout, through a link, from any folder.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROGRAM } from '../../lab/agent.ts';
import { makeNetwork, type Network } from '../../lab/topology.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { lab } from './support.ts';

let network: Network;

beforeAll(async () => {
  network = await makeNetwork(lab(), [{ name: 'director', legs: [{ lan: 'lan', addresses: ['192.168.112.152/24'] }] }]);
  await network.run('director', ['ln', '-sf', PROGRAM, '/usr/local/bin/lvs-director-linked']);
});

afterAll(async () => {
  await network.remove();
});

describe('bin/lvs-director', () => {
  it('says its version from any folder', async () => {
    const { stdout } = await network.run('director', ['lvs-director-linked', 'version'], { cwd: '/tmp' });
    expect(stdout).toBe(`lvs-director ${packageJson.version}\n`);
  });

  it('shows the real table of the kernel', async () => {
    await network.run('director', ['ipvsadm', '-A', '-t', '192.0.2.1:80', '-s', 'rr']);
    const { stdout } = await network.run('director', ['lvs-director-linked', 'list'], { cwd: '/' });
    expect(stdout).toMatch(/^TCP {2}192\.0\.2\.1:80 rr +\(not ours\)$/m);
  });

  it('logs for people on a terminal', async () => {
    await network.run('director', [
      'sh',
      '-euc',
      'mkdir -p /tmp/terminal; echo "# nothing" >/tmp/terminal/nothing.yaml',
    ]);
    const command = 'lvs-director-linked run --directory /tmp/terminal';
    const agent = await network.start('director', ['script', '--quiet', '--return', '--command', command, '/dev/null']);
    await agent.waitFor(/holds no object; nothing is changed/);
    const { stdout } = agent.output();
    // Time, level in colour, message.
    const escape = String.fromCodePoint(27);
    const plain = stdout.replaceAll(escape, 'ESC');
    expect(plain).toMatch(/^\[\d\d:\d\d:\d\d\] ESC\[33mWARNESC\[39m: .*folder \/tmp\/terminal/m);
    expect(stdout).not.toContain('{"level"');
    agent.signal('SIGTERM');
    await agent.finished;
  });

  it('ends with exit code 3 on wrong usage', async () => {
    const { code, stderr } = await network.attempt('director', ['lvs-director-linked', 'list', '--colour']);
    expect(code).toBe(3);
    expect(stderr).toContain("unknown option '--colour'");
  });
});
