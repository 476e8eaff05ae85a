/**
 * `make lab`: a shell in the lab with the classic scenario laid out. Lines are given to a shell in the guest; the prompt
 * comes from here, because the line to the guest is no terminal.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { bootLab } from './lab.ts';
import { CLIENT, DIRECTOR, makeScenario } from './scenario.ts';

const say = (text: string): void => void process.stdout.write(text);

say('booting a machine with a real IPVS kernel ...\n');
const lab = await bootLab();
try {
  const network = await makeScenario(lab);
  const nodes = [CLIENT, DIRECTOR, 'rs153', 'rs154'];
  say(`${lab.description}, up in ${(lab.bootMs / 1000).toFixed(1)} s. Nodes are network namespaces:\n`);
  for (const node of nodes) say(`  ip netns exec ${network.namespace(node)} ...   # ${node}\n`);
  say('Each line runs in a shell of its own on the director; "exit" or Ctrl-D ends the lab.\n');
  const lines = createInterface({ input: process.stdin, output: process.stdout, prompt: 'director# ' });
  lines.prompt();
  let last: Promise<void> = Promise.resolve();
  lines.on('line', (line) => {
    if (line.trim() === 'exit') return lines.close();
    last = last.then(async () => {
      if (line.trim() !== '') {
        const result = await network.attempt(DIRECTOR, ['sh', '-c', line], { cwd: process.cwd(), deadlineMs: 600_000 });
        say(result.stdout);
        process.stderr.write(result.stderr);
      }
      lines.prompt();
    });
    // A line that takes too long is told and does not end the lab.
    last = last.catch((error: unknown) => say(`${error instanceof Error ? error.message : String(error)}\n`));
  });
  await once(lines, 'close');
  await last;
} finally {
  await lab.stop();
}
