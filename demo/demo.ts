/**
 * `make demo`: the classic LVS exercise from a folder of YAML to a client's answers, on a real kernel in the lab.
 * Ends with `demo passed` and exit code 0, or says what failed.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirector } from '../lab/agent.ts';
import { bootLab } from '../lab/lab.ts';
import type { LabProcess } from '../lab/process.ts';
import { ADDRESS, CLIENT, DIRECTOR, makeScenario } from '../lab/scenario.ts';
import { askMany } from '../lab/servers.ts';
import type { Network } from '../lab/topology.ts';
import { bundle, PROGRAM_BUNDLE } from '../scripts/bundle.ts';
import { counts, expectEqual, indented, progress, sideBySide } from './terminal.ts';

const SERVICE = `http://${ADDRESS.director}:81/`;
const FILE = 'web.yaml';
const EXAMPLE = join('deploy', 'examples', 'own-address', FILE);
const IN_SYNC = /"msg":"in sync"/;

async function demo(): Promise<void> {
  const lab = await progress('booting a machine with a real IPVS kernel', async () => {
    const [booted] = await Promise.all([bootLab(), bundle(PROGRAM_BUNDLE)]);
    return booted;
  });
  try {
    process.stdout.write(`  kernel ${lab.description}\n`);
    const network = await progress('laying out client, director and two real servers on 192.168.112.0/24', () =>
      makeScenario(lab),
    );
    await scenes(network);
  } finally {
    await lab.stop();
  }
}

async function scenes(network: Network): Promise<void> {
  const director = await makeDirector(network, DIRECTOR);
  const example = readFileSync(join(import.meta.dirname, '..', EXAMPLE), 'utf8');
  const init = await progress('lvs-director init: kernel modules and settings', () => director.command(['init']));
  expectEqual('exit code of init', init.code, 0);
  await director.write(FILE, example);
  const agent = await progress(`lvs-director run --directory, with ${EXAMPLE}`, async () => {
    const running = await director.run();
    await running.waitFor(IN_SYNC);
    return running;
  });
  process.stdout.write(indented(kernelChanges(agent)));

  const equal = await progress('the client asks eight times', () => askMany(network, CLIENT, SERVICE, 8));
  process.stdout.write(`  ${equal.join(' ')}\n`);
  expectEqual('answers with equal weights', counts(equal), { 153: 4, 154: 4 });

  const [ours, theirs] = await progress('lvs-director list beside ipvsadm -Ln', async () => {
    const list = await director.command(['list']);
    const ipvsadm = await network.run(DIRECTOR, ['ipvsadm', '-Ln']);
    return [list.stdout, ipvsadm.stdout] as const;
  });
  process.stdout.write(sideBySide(ours, theirs));

  const since = agent.mark();
  await progress('the weight of 192.168.112.153 becomes 3, and the client asks forty times', async () => {
    await director.write(FILE, example.replace(/(address: 192\.168\.112\.153\n.*\n\s*weight:) 1/, '$1 3'));
    await agent.waitFor(IN_SYNC, { since });
    const weighted = await askMany(network, CLIENT, SERVICE, 40);
    process.stdout.write(
      `  ${Object.entries(counts(weighted))
        .map(([server, times]) => `${server}: ${times}`)
        .join(', ')}\n`,
    );
    expectEqual('answers with weights 3 and 1', counts(weighted), { 153: 30, 154: 10 });
  });

  const removal = agent.mark();
  await progress('the file is removed', async () => {
    await director.remove(FILE);
    await agent.waitFor(IN_SYNC, { since: removal });
  });
  const { stdout: left } = await network.run(DIRECTOR, ['ipvsadm', '-Sn']);
  process.stdout.write(`  ipvsadm -Sn: ${left === '' ? 'empty' : left}\n`);
  expectEqual('services that are left', left, '');
  agent.signal('SIGTERM');
  expectEqual('exit code of the agent', (await agent.finished).code, 0);
  const cleanup = await director.command(['cleanup']);
  expectEqual('exit code of cleanup', cleanup.code, 0);
  const { stdout: ruleset } = await network.run(DIRECTOR, ['nft', 'list', 'ruleset']);
  expectEqual('nftables rules that are left', ruleset, '');
}

/** What the agent logged of its changes, one line each. */
function kernelChanges(agent: LabProcess): string[] {
  return agent
    .output()
    .stderr.split('\n')
    .filter((line) => line.includes('"step"'))
    .map((line) => (JSON.parse(line) as { msg: string }).msg);
}

const began = performance.now();
try {
  await demo();
  process.stdout.write(`demo passed (${Math.round((performance.now() - began) / 1000)} s)\n`);
} catch (error) {
  process.stderr.write(`demo failed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
