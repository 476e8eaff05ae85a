/**
 * kubectl on this machine, run to its end.
 */
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Finished } from '../process.ts';

export interface KubectlOptions {
  /** The whole of stdin. */
  readonly input?: string;
  readonly deadlineMs?: number;
}

export interface Kubectl {
  /** Run to the end; rejects when the exit code is not 0. */
  kubectl(argv: readonly string[], options?: KubectlOptions): Promise<Finished>;
  /** Run to the end, whatever the exit code. */
  attemptKubectl(argv: readonly string[], options?: KubectlOptions): Promise<Finished>;
}

const DEADLINE_MS = 60_000;

/** As the user of `kubeconfig`. What it caches lies beside that file. */
export function makeKubectl(program: string, kubeconfig: string): Kubectl {
  const env = {
    ...process.env,
    KUBECONFIG: kubeconfig,
    KUBECACHEDIR: join(dirname(kubeconfig), 'kubectl-cache'),
    // Preferences of whoever runs this must not matter.
    KUBERC: 'off',
  };
  const attempt: Kubectl['attemptKubectl'] = async (argv, { input = '', deadlineMs = DEADLINE_MS } = {}) => {
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...argv], { env });
    const { promise: ended, resolve, reject } = Promise.withResolvers<Pick<Finished, 'code' | 'signal'>>();
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
    // It may end without reading all of it.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    const late = AbortSignal.timeout(deadlineMs);
    late.addEventListener('abort', () => child.kill('SIGKILL'));
    const [end, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    if (late.aborted) throw new Error(`kubectl ${argv.join(' ')}: not done after ${deadlineMs} ms\n${stdout}${stderr}`);
    return { ...end, stdout, stderr };
  };
  return {
    attemptKubectl: attempt,
    async kubectl(argv, options) {
      const result = await attempt(argv, options);
      if (result.code === 0) return result;
      const ended = result.signal ?? `exit code ${result.code ?? 'unknown'}`;
      throw new Error(`kubectl ${argv.join(' ')}: ${ended}\n${result.stdout}${result.stderr}`);
    },
  };
}
