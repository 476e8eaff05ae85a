/** Carries out the blocks of a page: on a director with folders of its own, on a client, and as an administrator of a cluster. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'vitest';
import { BUNDLED, ENVIRONMENT } from '../../lab/agent.ts';
import type { LabProcess } from '../../lab/process.ts';
import type { Network } from '../../lab/topology.ts';
import type { Block } from './pages.ts';

export const PROJECT = join(import.meta.dirname, '../..');
/** IPVS tells nobody of changes; the pages do not wait half a minute for the next look. */
export const PAGE_ENVIRONMENT = { ...ENVIRONMENT, LVS_DIRECTOR_RESYNC_SECONDS: '2' };

/**
 * The director's folders, as on a machine of its own: other tests run in the same guest. The program is the bundled one,
 * which starts in half the time; that the one in bin starts is shown elsewhere.
 */
const MACHINE = `
for folder in /etc/lvs-director /var/lib/lvs-director /run/lvs-director; do mkdir -p "$folder"; mount -t tmpfs none "$folder"; done
printf '#!/bin/sh\\nexec "%s" "%s" "$@"\\n' "$1" "$2" >/run/lvs-director/program
chmod 755 /run/lvs-director/program
mount --bind /run/lvs-director/program bin/lvs-director
echo ready
exec sleep infinity
`;

const CLEAN = `
for pid in $(cat /run/lvs-director.pid); do kill -KILL "$pid" 2>/dev/null || :; done
bin/lvs-director cleanup || :; ipvsadm -C; nft flush ruleset; rm -f /etc/lvs-director/*`;

export interface PagePlaces {
  readonly network: Network;
  readonly director: string;
  readonly client: string;
  /** How an administrator calls kubectl on this machine; without it no page can. */
  readonly kubectl?: { readonly program: string; readonly kubeconfig: string };
}

export interface PageRunner {
  /** Runs a block and judges its exit code and output. */
  run(block: Block, page: string): Promise<void>;
  /** The command line that runs a script with the director's folders. */
  onDirector(script: string): readonly string[];
  /** After a page that failed half-way: nothing of it is left. */
  reset(): Promise<void>;
  /** Forget what goes on in the background; a page that passed has ended it. */
  forget(): void;
  close(): Promise<void>;
}

const KUBECTL_MS = 120_000;

export async function openPageRunner({ network, director, client, kubectl }: PagePlaces): Promise<PageRunner> {
  const argv = ['unshare', '--mount', '--propagation', 'private', 'sh', '-euc', MACHINE, 'machine', ...BUNDLED];
  const machine = await network.start(director, argv, { cwd: PROJECT });
  await machine.waitFor(/ready/);
  let background: LabProcess[] = [];
  const kill = async (process: LabProcess): Promise<void> => {
    process.signal('SIGKILL');
    await process.finished;
  };
  const onDirector = (script: string): readonly string[] => [
    'nsenter',
    `--target=${machine.pid}`,
    '--mount',
    `--wdns=${PROJECT}`,
    'sh',
    '-euc',
    script,
  ];
  const asAdministrator = async (script: string): Promise<{ code: number | null; output: string }> => {
    if (kubectl === undefined) throw new Error('there is no cluster for this page');
    const { program, kubeconfig } = kubectl;
    const path = `${program.replace(/\/kubectl$/, '')}:${process.env['PATH'] ?? ''}`;
    const env = { ...process.env, KUBECONFIG: kubeconfig, PATH: path };
    const child = spawn('sh', ['-euc', script], {
      env,
      cwd: PROJECT,
      timeout: KUBECTL_MS,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const code = new Promise<number | null>((resolve) => child.once('close', resolve));
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { code: await code, output: `${stdout}${stderr}` };
  };
  const carryOut = async (
    block: Extract<Block, { kind: 'commands' }>,
  ): Promise<{ code: number | null; output: string }> => {
    if (block.on === 'kubectl') return asAdministrator(block.script);
    const onClient = block.on === 'client';
    const command = onClient ? ['sh', '-euc', block.script] : onDirector(block.script);
    const { code, stdout, stderr } = await network.attempt(onClient ? client : director, command, {
      env: PAGE_ENVIRONMENT,
    });
    return { code, output: `${stdout}${stderr}` };
  };

  return {
    onDirector,
    async run(block, page) {
      if (block.kind === 'development') return;
      if (block.kind === 'file') {
        const script = `cat >/etc/lvs-director/.new && mv /etc/lvs-director/.new '/etc/lvs-director/${block.name}'`;
        await network.run(director, onDirector(script), { input: block.text });
      } else if (block.kind === 'background') {
        background.push(await network.start(director, onDirector(block.script), { env: PAGE_ENVIRONMENT }));
      } else {
        const { code, output } = await carryOut(block);
        expect(code, `${page}:${block.line}\n${output}`).toBe(block.exit);
        for (const line of block.output) expect(output, `${page}:${block.line}`).toMatch(line);
      }
    },
    async reset() {
      for (const process of background.splice(0)) await kill(process);
      await network.run(director, onDirector(CLEAN), { env: PAGE_ENVIRONMENT });
    },
    forget() {
      background = [];
    },
    close: () => kill(machine),
  };
}
