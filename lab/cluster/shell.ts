/**
 * `make cluster`: a control plane, two directors with agents, two real servers and a client, to be used with kubectl from
 * any terminal and with commands on its nodes from this one. Ends with Ctrl-C, Ctrl-D or `exit`, and leaves nothing. The
 * agents are what `scripts/bundle.ts` made last.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { bootLab, type Lab } from '../lab.ts';
import type { Finished, LabProcess } from '../process.ts';
import { netnsProvider } from './netns.ts';
import type { Cluster } from './provider.ts';

const COMMAND_MS = 600_000;
const EXAMPLE = 'deploy/examples/own-vip/web.yaml';
const EXAMPLE_VIP = '192.168.112.200';

const say = (text: string): void => void process.stdout.write(text);

/** Aborted when somebody wants it to end. What is starting then is let through, and ended in order. */
const leaving = new AbortController();
leaving.signal.addEventListener('abort', () => say('\nstopping ...\n'));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => leaving.abort());

try {
  await makeCluster();
} catch (error) {
  // Ctrl-C on a terminal ends the virtual machine too, and what needs it fails then.
  if (!leaving.signal.aborted) throw error;
}

async function makeCluster(): Promise<void> {
  say('booting a machine with a real IPVS kernel ...\n');
  const lab = await bootLab();
  try {
    if (!leaving.signal.aborted) await useLab(lab);
  } finally {
    await lab.stop();
  }
}

async function useLab(lab: Lab): Promise<void> {
  say(`${lab.description}, up in ${(lab.bootMs / 1000).toFixed(1)} s; starting the control plane ...\n`);
  const cluster = await netnsProvider(lab).start();
  try {
    const agents = await Promise.all(cluster.directors.map(({ name }) => cluster.startAgent(name)));
    if (!leaving.signal.aborted) await converse(cluster, agents);
  } finally {
    await cluster.stop();
  }
}

async function converse(cluster: Cluster, agents: readonly LabProcess[]): Promise<void> {
  say(introduction(cluster));
  cluster.directors.forEach(({ name }, index) => {
    void agents[index]?.finished.then(
      ({ stdout, stderr }) => {
        if (!leaving.signal.aborted) say(`\nthe agent of ${name} ended:\n${stdout}${stderr}`);
      },
      () => undefined,
    );
  });
  const lines = createInterface({ input: process.stdin, output: process.stdout, prompt: 'cluster> ' });
  const left = once(leaving.signal, 'abort');
  // On a terminal Ctrl-C comes as a key, and readline makes this of it.
  lines.on('SIGINT', () => leaving.abort());
  leaving.signal.addEventListener('abort', () => lines.close());
  let isOpen = true;
  lines.once('close', () => (isOpen = false));
  lines.prompt();
  let last: Promise<void> = Promise.resolve();
  lines.on('line', (line) => {
    if (line.trim() === 'exit') return lines.close();
    last = last
      .then(async () => {
        const result = await carryOut(cluster, line.trim());
        say(result.stdout);
        process.stderr.write(result.stderr);
      })
      // A line that takes too long is told and does not end the cluster.
      .catch((error: unknown) => say(`${error instanceof Error ? error.message : String(error)}\n`))
      .then(() => {
        if (isOpen) lines.prompt();
      });
  });
  await Promise.race([once(lines, 'close').then(() => last), left]);
  leaving.abort();
  // A pipe that has no more to say would keep this from ending.
  process.stdin.destroy();
}

const NOTHING: Finished = { code: 0, signal: null, stdout: '', stderr: '' };

/** `kubectl ...` on this machine, or `NODE COMMAND ...` in the lab. */
async function carryOut({ controlPlane, network, ...layout }: Cluster, line: string): Promise<Finished> {
  // As a shell does it with single quotes, which is all that a patch in JSON needs.
  const words = [...line.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word);
  const [where = '', ...rest] = words;
  if (where === '') return NOTHING;
  if (where === 'kubectl') return controlPlane.attemptKubectl(rest, { deadlineMs: COMMAND_MS });
  const node = [layout.client, ...layout.directors, ...layout.realServers].find(({ name }) => name === where);
  if (node === undefined) return { ...NOTHING, stderr: `begin the line with kubectl, or with the name of a node\n` };
  const script = line.slice(where.length).trim();
  return network.attempt(node.name, ['sh', '-c', script], { cwd: process.cwd(), deadlineMs: COMMAND_MS });
}

function introduction({ controlPlane, client, directors, realServers }: Cluster): string {
  const nodes = [client, ...directors, ...realServers].map(({ name, address }) => `  ${name.padEnd(14)}${address}\n`);
  const [director = client] = directors;
  return `The control plane was up in ${(controlPlane.startMs / 1000).toFixed(1)} s, and agents run on the directors.

From any terminal:
  export KUBECONFIG=${controlPlane.adminKubeconfig}
  export PATH=$PATH:${controlPlane.endpoint.kubectlProgram.replace(/\/kubectl$/, '')}   # if it has no kubectl

There or here:
  kubectl apply -f ${EXAMPLE}
  kubectl wait lvs/web --for=condition=Programmed
  kubectl get lvs,lrs,directors

Both directors have the VIP then, so neither answers for it on the LAN: a client reaches it by route, through any of them.
A line that begins with the name of a node runs there:
  ${client.name} ip route add ${EXAMPLE_VIP} via ${director.address}
  ${client.name} curl -s http://${EXAMPLE_VIP}/
  ${director.name} ipvsadm -Ln

With one director only it is answered for:
  kubectl patch lvs web --type merge -p '{"spec":{"directors":{"nodeSelector":{"kubernetes.io/hostname":"${director.name}"}}}}'
  kubectl wait lvs/web --for=condition=Announced
  ${client.name} ip route del ${EXAMPLE_VIP}
  ${client.name} curl -s http://${EXAMPLE_VIP}/

The nodes:
${nodes.join('')}
"exit", Ctrl-C or Ctrl-D ends everything.
`;
}
