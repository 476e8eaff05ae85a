/**
 * A lab on this machine's own kernel, where that has IPVS: the same daemon in mount, process and network namespaces of
 * its own, so that nothing of it stays and nothing of the machine is touched.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { LabEndpoint } from './process.ts';

export interface NativeLab {
  readonly endpoint: LabEndpoint;
  readonly release: string;
  readonly bootMs: number;
  stop(): Promise<void>;
}

const BOOT_MS = 30_000;

/**
 * The namespaces' first process: private mounts with an own /run, and the daemon. When it dies the kernel kills
 * everything in its process namespace.
 */
const FIRST = `
mount --make-rprivate /
mount -t tmpfs -o mode=755 run /run
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mkdir -p /run/netns /run/lab
mount --bind /run/netns /run/netns && mount --make-shared /run/netns
cat >/run/lab/token
ip link set lo up
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"
exec "$LAB_NODE" "$LAB_DAEMON" </dev/null
`;

export async function bootNative(): Promise<NativeLab> {
  const share = mkdtempSync(join(tmpdir(), 'lvs-director-lab-'));
  const path = join(share, 'daemon.sock');
  const token = randomBytes(32).toString('hex');
  const began = performance.now();
  const child = spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', 'unshare', '--mount', '--net', '--pid', '--fork', '--kill-child', 'sh', '-euc', FIRST],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        ...process.env,
        LAB_NODE: process.execPath,
        LAB_DAEMON: join(import.meta.dirname, 'guest', 'daemon.ts'),
        LAB_LISTEN: path,
        // Inside another lab it would be that one's.
        LAB_REPORT: undefined,
      },
    },
  );
  child.stdin.end(token);
  const { promise: release, resolve, reject } = Promise.withResolvers<string>();
  const { promise: gone, resolve: onGone } = Promise.withResolvers<void>();
  let complaints = '';
  const timer = setTimeout(() => reject(new Error(`it was not up after ${BOOT_MS / 1000} s`)), BOOT_MS);
  child.stderr.on('data', (data: Buffer) => {
    complaints += data.toString();
  });
  child.once('error', (error) => {
    reject(error);
    onGone();
  });
  child.once('close', () => {
    reject(new Error(complaints.trim() || 'its first process ended'));
    onGone();
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const match = /^ready (\S+)/.exec(line);
    if (match?.[1] !== undefined) resolve(match[1]);
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
    rmSync(share, { recursive: true, force: true });
  };
  try {
    return {
      release: await release,
      endpoint: { at: { path }, token },
      bootMs: Math.round(performance.now() - began),
      stop,
    };
  } catch (error) {
    await stop();
    throw new Error(`the native lab did not start: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
  }
}
