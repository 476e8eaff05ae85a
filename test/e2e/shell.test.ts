// `make cluster`: what it prints can be used, and it leaves nothing however it ends.
import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';

const SHELL = join(import.meta.dirname, '../../lab/cluster/shell.ts');
const PROMPT = 'cluster> ';

type Shell = ChildProcessByStdio<Writable, Readable, null>;

let folder: string;
let shell: Shell;
let output: string;

beforeEach(() => {
  // All that it leaves would be in here.
  folder = mkdtempSync(join(tmpdir(), 'lvs-director-test-'));
  shell = spawn(process.execPath, [SHELL], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: 200_000,
    killSignal: 'SIGKILL',
  });
  output = '';
  shell.stdout.on('data', (data: Buffer) => {
    output += data.toString();
  });
});

afterEach(() => {
  shell.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** Resolves when the text has come since `from`, or rejects when the shell ended before. */
const said = (wanted: string, from = 0): Promise<void> =>
  new Promise((resolve, reject) => {
    const settle = (how: () => void): void => {
      shell.stdout.off('data', look);
      shell.off('close', over);
      how();
    };
    const look = (): void => {
      if (output.includes(wanted, from)) settle(resolve);
    };
    const over = (): void => settle(() => reject(new Error(`it ended without ${wanted}:\n${output}`)));
    shell.stdout.on('data', look);
    shell.once('close', over);
    look();
  });

const ended = (): Promise<number | null> =>
  new Promise((resolve) => {
    if (shell.exitCode === null) shell.once('close', (code) => resolve(code));
    else resolve(shell.exitCode);
  });

/** What a line makes it print until it asks for the next one. */
async function type(line: string): Promise<string> {
  const from = output.length;
  shell.stdin.write(`${line}\n`);
  await said(PROMPT, from);
  return output.slice(from).replace(PROMPT, '');
}

async function expectNothingLeft(): Promise<void> {
  expect(readdirSync(folder)).toEqual([]);
  await expect(promisify(execFile)('pgrep', ['--full', folder])).rejects.toMatchObject({ code: 1, stdout: '' });
}

/** Types the example as it was printed. */
async function followExample(): Promise<void> {
  const lines = output.split('\n').map((line) => line.trim());
  const from = lines.findIndex((line) => line.startsWith('kubectl apply'));
  const to = lines.findIndex((line) => line.startsWith('The nodes:'));
  const commands = lines.slice(from, to).filter((line) => /^(kubectl|client|director-\d+) /.test(line));
  const answers: string[] = [];
  for (const command of commands) answers.push(await type(command));
  const told = commands.map((command, index) => `${command} -> ${answers[index]}`);
  expect(told).toHaveLength(10);
  expect(told[1]).toContain('condition met');
  expect(told[2]).toMatch(/virtualservice\S+web .*realserver\S+web-153.*director\S+director-152/s);
  expect(told[4]).toMatch(/-> 15[34]\n$/);
  expect(told[5]).toContain('TCP  192.168.112.200:80 wrr');
  expect(told[9]).toMatch(/-> 15[34]\n$/);
}

it('serves kubectl and its nodes, has an example that works, and ends with Ctrl-C', async () => {
  await said(PROMPT);
  const [, kubeconfig = ''] = /export KUBECONFIG=(\S+)/.exec(output) ?? [];
  const [, path = ''] = /export PATH=\$PATH:(\S+)/.exec(output) ?? [];
  const env = { KUBECONFIG: kubeconfig, KUBECACHEDIR: join(folder, 'kubectl-cache') };
  const { stdout } = await promisify(execFile)(join(path, 'kubectl'), ['get', 'nodes', '--output', 'name'], { env });
  expect(stdout).toBe('node/director-151\nnode/director-152\nnode/worker\n');
  rmSync(join(folder, 'kubectl-cache'), { recursive: true });

  expect(await type('kubectl get crds --output name')).toContain('virtualservices.lvs-director.io');
  expect(await type('client curl --silent http://192.168.112.153:10000/')).toContain('153\n');
  expect(await type('director-151 ip -brief address show eth0')).toContain('192.168.112.151/24');
  await followExample();
  shell.kill('SIGINT');
  expect(await ended()).toBe(0);
  await expectNothingLeft();
});

it('ends when it is told so while it starts', async () => {
  await said('starting the control plane');
  shell.kill('SIGTERM');
  expect(await ended()).toBe(0);
  await expectNothingLeft();
});
