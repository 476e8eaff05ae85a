/**
 * `lvs-director run`: the agent. It ends with the data plane as it is.
 */
import type { Logger } from 'pino';
import type { Cluster } from '../controller/kubernetes/cluster.ts';
import type { Source } from '../controller/source.ts';
import { EXIT } from './exit.ts';
import { openLog } from './log.ts';
import { openNode } from './node.ts';
import type { SourceOptions } from './options.ts';
import { openSource } from './source.ts';
import { startAgent } from '../controller/agent.ts';
import { repeatFilter } from '../controller/repeats.ts';
import { holderText, takeNodeLock } from '../host/lock.ts';
import { VERSION } from './version.ts';

/** The same message is printed at most this often. */
const REPEAT_MS = 60_000;

export async function runCommand(options: SourceOptions & { resyncSeconds: number }): Promise<number> {
  const log = await openLog(options.logLevel);
  const repeats = repeatFilter(REPEAT_MS);
  const onNote = (message: string): void => {
    const { print, suppressed } = repeats.admit(message, Date.now());
    if (print) log.warn(suppressed === 0 ? {} : { repeated: suppressed }, message);
  };
  const from = await openSource(options, { remember: true, onNote });
  if (!from.ok) {
    log.fatal(from.message);
    return from.code;
  }
  const { source, cluster, words } = from;
  try {
    return await direct(options, log, source, cluster, words);
  } finally {
    await cluster?.close();
  }
}

async function direct(
  options: SourceOptions & { resyncSeconds: number },
  log: Logger,
  source: Source,
  cluster: Cluster | null,
  words: string,
): Promise<number> {
  const lock = await takeNodeLock({ pid: process.pid, command: `run ${words}`, since: new Date().toISOString() });
  if (!lock.held) {
    log.fatal(`this node is already directed by ${holderText(lock.holder)}; stop it first`);
    return EXIT.failed;
  }
  const opened = await openNode(options.runDirectory);
  if (!opened.ok) {
    log.fatal(opened.message);
    await lock.release();
    return EXIT.failed;
  }
  const reporting = cluster?.report({ agentVersion: VERSION, ipvs: opened.info }) ?? null;
  const agent = await startAgent({
    source,
    runDirectory: options.runDirectory,
    resyncMs: options.resyncSeconds * 1000,
    node: opened.node,
    info: opened.info,
    namespace: opened.namespace,
    log,
    onTurn: (turn) => reporting?.tell(turn),
  });
  log.info({ version: VERSION, source: words, ipvs: opened.info.version }, 'started');
  const signal = await stopSignal();
  await Promise.all([agent.stop(), reporting?.stop()]);
  opened.close();
  await lock.release();
  log.info({ signal }, 'stopped; the kernel goes on with what it has');
  return EXIT.ok;
}

const stopSignal = (): Promise<NodeJS.Signals> =>
  new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
