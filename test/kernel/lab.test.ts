// The lab itself: nothing of it stays when whoever booted it dies; its shell; the one on the machine's own kernel.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { lab } from './support.ts';

const LAB = join(import.meta.dirname, '../../lab');
const DEADLINE_MS = 120_000;

const node = (...args: readonly string[]): ChildProcess =>
  spawn(process.execPath, [...args], { stdio: ['pipe', 'pipe', 'inherit'], timeout: DEADLINE_MS });

const inline = (script: string): readonly string[] => ['--input-type=module', '--eval', script];

const IMPORTS = `
  import { bootLab } from '${LAB}/lab.ts';
  import { makeScenario, CLIENT, DIRECTOR } from '${LAB}/scenario.ts';
  import { askMany } from '${LAB}/servers.ts';`;

describe('a lab', () => {
  it('leaves no process behind when its owner is killed', async () => {
    const owner = node(...inline(`${IMPORTS} await bootLab(); console.log('up'); setInterval(() => {}, 1000);`));
    const { promise: up, resolve } = Promise.withResolvers<string>();
    if (owner.stdout !== null) createInterface({ input: owner.stdout }).once('line', resolve);
    expect(await up).toBe('up');
    const pid = String(owner.pid);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    expect(children).toHaveLength(1);
    expect(readFileSync(`/proc/${children[0] ?? ''}/comm`, 'utf8')).toContain('qemu');
    owner.kill('SIGKILL');
    // Ends when the process has ended; its own deadline would end it with an error.
    const wait = ['30', 'tail', `--pid=${children[0] ?? ''}`, '--follow', '/dev/null'];
    await expect(promisify(execFile)('timeout', wait)).resolves.toMatchObject({ stdout: '' });
  });

  it('has a shell for people, with the scenario laid out', async () => {
    const shell = node(join(LAB, 'shell.ts'));
    shell.stdin?.end('ip -brief -4 address show eth0\nipvsadm -A -t 192.168.112.152:81 -s wrr\nipvsadm -Sn\nexit\n');
    const output = shell.stdout === null ? '' : await text(shell.stdout);
    expect(output).toMatch(/eth0\S* +UP +192\.168\.112\.152\/24/);
    expect(output).toContain('-A -t 192.168.112.152:81 -s wrr');
  });

  it('can be made of namespaces of a kernel that has IPVS itself', async () => {
    const script = `${IMPORTS}
      const lab = await bootLab();
      const network = await makeScenario(lab);
      await network.run(DIRECTOR, ['sh', '-euc', \`
        sysctl -qw net.ipv4.ip_forward=1 net.ipv4.vs.conntrack=1
        ipvsadm -A -t 192.168.112.152:81 -s rr
        ipvsadm -a -t 192.168.112.152:81 -r 192.168.112.153:10000 -m
        ipvsadm -a -t 192.168.112.152:81 -r 192.168.112.154:10000 -m
        nft 'table ip n { chain p { type nat hook postrouting priority srcnat; ip saddr 192.168.112.0/24 masquerade; }; }'\`]);
      console.log(lab.description, (await askMany(network, CLIENT, 'http://192.168.112.152:81/', 4)).toSorted().join());
      await network.remove();
      await lab.stop();`;
    const machine = lab();
    const { stdout } = await machine.run([process.execPath, ...inline(script)], {
      env: { LAB: 'native' },
      deadlineMs: DEADLINE_MS,
    });
    expect(stdout).toMatch(/^\S+ \(native\) 153,153,154,154\n$/);
    // Nothing of it is left in the machine.
    expect((await machine.run(['ip', 'netns', 'list'])).stdout).not.toContain('rs153-native');
    expect((await machine.attempt(['pgrep', '--full', 'httpd -f -p 10000 -h /tmp/native'])).code).toBe(1);
  });
});
