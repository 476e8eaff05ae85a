// What kernel tests share: the lab, and the kernel's own tools as oracles. Our own decoders are never used to judge.
import { inject } from 'vitest';
import { attachLab, type Lab } from '../../lab/lab.ts';
import { makeDirector, type Director } from '../../lab/agent.ts';
import type { LabProcess } from '../../lab/process.ts';
import { DIRECTOR, makeScenario } from '../../lab/scenario.ts';
import type { Network } from '../../lab/topology.ts';

export const IN_SYNC = /"msg":"in sync"/;

export const lab = (): Lab => attachLab(inject('lab').endpoint, inject('lab').description);

export interface Scene {
  readonly network: Network;
  readonly director: Director;
}

/** The scenario with a director that `init` has prepared. */
export async function makeScene(): Promise<Scene> {
  const network = await makeScenario(lab());
  const director = await makeDirector(network, DIRECTOR);
  const init = await director.command(['init']);
  if (init.code !== 0) throw new Error(`init: ${init.stdout}${init.stderr}`);
  return { network, director };
}

/** Start the agent and wait until the kernel has what the folder says. */
export async function runInSync(director: Director, ...more: readonly string[]): Promise<LabProcess> {
  const agent = await director.run(...more);
  await agent.waitFor(IN_SYNC);
  return agent;
}

/** Do something to the folder or the kernel, and wait until the agent says that it is in sync again. */
export async function synced(agent: LabProcess, change: () => Promise<unknown>): Promise<void> {
  const since = agent.mark();
  await change();
  await agent.waitFor(IN_SYNC, { since });
}

/** End an agent by its id and wait until it is gone. */
export async function end(agent: LabProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  agent.signal(signal);
  await agent.finished;
}

/** `ipvsadm -Sn` of the director, sorted. */
export async function ipvs(network: Network, node = DIRECTOR): Promise<string[]> {
  const { stdout } = await network.run(node, ['ipvsadm', '-Sn']);
  return stdout
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .toSorted();
}

/** `ip` addresses of the VIP device as ip(8) prints them, without link-local ones; null when there is no device. */
export async function boundVips(network: Network): Promise<string[] | null> {
  const result = await network.attempt(DIRECTOR, ['ip', '-json', 'address', 'show', 'dev', 'dummy-lvs']);
  if (result.code !== 0) return null;
  const [link] = JSON.parse(result.stdout) as { addr_info: { local: string; scope: string }[] }[];
  return (link?.addr_info ?? []).filter(({ scope }) => scope !== 'link').map(({ local }) => local);
}

/** Elements of a set of our table as text, by `nft -j`; null when there is no table. */
export async function nftSet(network: Network, name: string): Promise<string[] | null> {
  const result = await network.attempt(DIRECTOR, ['nft', '-j', 'list', 'set', 'inet', 'lvs-director', name]);
  if (result.code !== 0) return null;
  const { nftables } = JSON.parse(result.stdout) as { nftables: { set?: { elem?: unknown[] } }[] };
  const elements = nftables.flatMap((entry) => entry.set?.elem ?? []);
  return elements.map(elementText).toSorted();
}

function elementText(element: unknown): string {
  if (typeof element === 'string' || typeof element === 'number') return String(element);
  if (typeof element !== 'object' || element === null) return '?';
  if ('elem' in element) return elementText((element.elem as { val: unknown }).val);
  if ('concat' in element) return (element.concat as unknown[]).map(String).join(' . ');
  return JSON.stringify(element);
}

/** A VirtualService as YAML; `spec` replaces fields of the usual one. */
export const virtualService = (name: string, spec: Readonly<Record<string, unknown>> = {}): string =>
  yaml(
    'VirtualService',
    { name },
    {
      addresses: ['192.168.112.200'],
      ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 10_000 }],
      scheduler: 'wrr',
      masquerade: 'Always',
      backends: [{ realServers: { matchLabels: { app: 'web' } } }],
      ...spec,
    },
  );

export const realServer = (name: string, spec: Readonly<Record<string, unknown>>, app = 'web'): string =>
  yaml('RealServer', { name, labels: { app } }, { port: 10_000, weight: 1, ...spec });

/** Both real servers of the scenario. */
export const realServers = (weight153 = 1, weight154 = 1): string =>
  documents(
    realServer('web-153', { address: '192.168.112.153', weight: weight153 }),
    realServer('web-154', { address: '192.168.112.154', weight: weight154 }),
  );

export const documents = (...texts: readonly string[]): string => texts.join('---\n');

/** JSON is YAML. */
const yaml = (kind: string, metadata: object, spec: object): string =>
  `${JSON.stringify({ apiVersion: 'lvs-director.io/v1alpha1', kind, metadata, spec }, null, 2)}\n`;

/** How often each answer came. */
export function tally(answers: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1;
  return counts;
}
