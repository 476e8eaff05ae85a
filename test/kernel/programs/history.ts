/**
 * Lives histories on a real kernel: reads them as JSON from stdin, and writes for each of them one line of JSON with what
 * happened and what the kernel's own tools said. It judges nothing. What a history asks of lvs-director is done by a child
 * process, which is really killed where the history says so.
 *
 *     node history.mjs RUN-DIRECTORY <HISTORIES
 */
import { type ChildProcess, execFile, fork } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openNode } from '../../../src/cli/node.ts';
import { reconcile } from '../../../src/controller/reconcile.ts';
import type { Node } from '../../../src/controller/observe.ts';
import { VIP_DEVICE } from '../../../src/controller/node-state.ts';
import { endpointElement } from '../../../src/host/netfilter/table.ts';
import { desired, desiredService } from '../../support/desired.ts';
import { handDestination, type Interference, keyOf, type Operation, wantedWeights } from '../../support/history.ts';

/** What the kernel's tools say. */
export interface Snapshot {
  /** Lines of `ipvsadm -Sn`, sorted. */
  readonly ipvs: readonly string[];
  /** Addresses of the VIP device, without link-local ones; null without a device. */
  readonly bound: readonly string[] | null;
  /** Elements of the table's sets, sorted; null without a table. */
  readonly sets: Readonly<Record<string, readonly string[]>> | null;
}

export interface Event {
  /** For what others do: whether it could be done. */
  readonly done?: boolean;
  /** For what others do: what there was before it. */
  readonly before?: Snapshot;
  /** For a reconciliation: how it ended, what there was then, and how often the next one wrote. */
  readonly ending?: 'whole' | 'killed';
  readonly disturbed?: Event;
  readonly after?: Snapshot;
  readonly writesAgain?: number;
}

type Wanted = Extract<Operation, { does: 'want' }>;

/** From the parent: reconcile, and stop before a write, to be killed or to wait until somebody has disturbed. */
interface Order {
  readonly wanted: readonly Wanted[];
  readonly killBefore: number | null;
  readonly waitBefore: number | null;
}
type Answer =
  | { readonly says: 'waiting' }
  | { readonly says: 'ended'; readonly converged: boolean; readonly writes: number; readonly message: string };

const FILE = fileURLToPath(import.meta.url);
const run = promisify(execFile);

// ---- the child: lvs-director ----

function stopping(node: Node, order: Order, onWait: () => Promise<void>): { node: Node; writes: () => number } {
  let writes = 0;
  const write = async <T>(change: () => Promise<T>): Promise<T> => {
    writes++;
    if (writes === order.killBefore) {
      process.kill(process.pid, 'SIGKILL');
      await new Promise(() => undefined);
    }
    if (writes === order.waitBefore) await onWait();
    return change();
  };
  const oneByOne =
    <Change, Outcome>(change: (changes: readonly Change[]) => Promise<readonly Outcome[]>) =>
    async (changes: readonly Change[]): Promise<readonly Outcome[]> => {
      const results: Outcome[] = [];
      for (const entry of changes) results.push(...(await write(() => change([entry]))));
      return results;
    };
  let witness: string | null = null;
  return {
    writes: () => writes,
    node: {
      ipvs: { ...node.ipvs, change: oneByOne((changes) => node.ipvs.change(changes)) },
      links: { ...node.links, change: oneByOne((changes) => node.links.change(changes)) },
      netfilter: {
        ...node.netfilter,
        change: (changes) =>
          changes.length === 0 ? node.netfilter.change(changes) : write(() => node.netfilter.change(changes)),
      },
      witness: {
        read: async () => {
          const read = await node.witness.read();
          witness = JSON.stringify([...(read ?? [])]);
          return read;
        },
        // Writing what is there already is no write.
        write: async (services) => {
          const now = JSON.stringify([...services]);
          if (now === witness) return;
          await write(() => node.witness.write(services));
          witness = now;
        },
      },
    },
  };
}

async function obey(runDirectory: string): Promise<void> {
  const opened = await openNode(runDirectory);
  if (!opened.ok) throw new Error(opened.message);
  const send = (answer: Answer): void => void process.send?.(answer);
  // Netlink sockets would keep a child alive whose parent is gone.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  let proceed: () => void = () => undefined;
  process.on('message', (message: Order | 'go on') => {
    if (message === 'go on') return proceed();
    const { node, writes } = stopping(opened.node, message, () => {
      send({ says: 'waiting' });
      return new Promise((resolve) => {
        proceed = resolve;
      });
    });
    const wanted = desired(message.wanted.map((what) => desiredService(what.key, wantedWeights(what), what)));
    reconcile(wanted, node, () => undefined).then(
      (result) =>
        send({
          says: 'ended',
          converged: result.ok && result.value.converged,
          writes: writes(),
          message: result.ok
            ? result.value.outcomes
                .map(({ failure }) => failure?.message ?? '')
                .filter(Boolean)
                .join('; ')
            : result.message,
        }),
      (error: unknown) => send({ says: 'ended', converged: false, writes: writes(), message: String(error) }),
    );
  });
}

// ---- the parent: everybody else ----

interface Life {
  readonly runDirectory: string;
  readonly wanted: Map<string, Wanted>;
  readonly byHand: Set<string>;
  ledgerWhole: boolean;
  witnessWhole: boolean;
  child: ChildProcess | null;
}

const quietly = async (...argv: readonly [string, ...string[]]): Promise<boolean> => {
  const [program, ...args] = argv;
  return run(program, args).then(
    () => true,
    () => false,
  );
};

async function snapshot(): Promise<Snapshot> {
  const [ipvs, links, table] = await Promise.all([
    run('ipvsadm', ['-Sn']),
    run('ip', ['-json', 'address', 'show', 'dev', VIP_DEVICE]).catch(() => null),
    run('nft', ['-j', 'list', 'table', 'inet', 'lvs-director']).catch(() => null),
  ]);
  const [device] =
    links === null ? [] : (JSON.parse(links.stdout) as { addr_info: { local: string; scope: string }[] }[]);
  return {
    ipvs: ipvs.stdout
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .toSorted(),
    bound:
      device === undefined ? null : device.addr_info.filter(({ scope }) => scope !== 'link').map(({ local }) => local),
    sets: table === null ? null : setsOf(table.stdout),
  };
}

function setsOf(json: string): Record<string, string[]> {
  const { nftables } = JSON.parse(json) as { nftables: { set?: { name: string; elem?: unknown[] } }[] };
  const elementText = (element: unknown): string => {
    if (typeof element !== 'object' || element === null) return String(element);
    if ('elem' in element) {
      const { val, comment = '' } = element.elem as { val: unknown; comment?: string };
      return comment === '' ? elementText(val) : `${elementText(val)} ${comment}`;
    }
    return 'concat' in element ? (element.concat as unknown[]).map(String).join(' . ') : JSON.stringify(element);
  };
  return Object.fromEntries(
    nftables.flatMap(({ set }) =>
      set === undefined ? [] : [[set.name, (set.elem ?? []).map(elementText).toSorted()]],
    ),
  );
}

const flagOf = (key: string): string => (key.startsWith('UDP') ? '-u' : '-t');
const endpointOf = (key: string): string => key.slice(key.indexOf('/') + 1);

async function interfere(what: Interference, life: Life): Promise<Event> {
  const before = await snapshot();
  return { before, done: await tryTo(what, life, before) };
}

async function tryTo(what: Interference, life: Life, before: Snapshot): Promise<boolean> {
  switch (what.does) {
    case 'add by hand': {
      const key = keyOf(what.key);
      const element = endpointElement(key);
      const start = `-A ${flagOf(what.key)} ${endpointOf(what.key)} `;
      // Where our books already name a service, somebody else's cannot be told from ours.
      const ledger = before.sets?.[key.family === 'ipv4' ? 'ledger4' : 'ledger6'] ?? [];
      if (before.ipvs.some((line) => line.startsWith(start))) return false;
      if (
        ledger.some((entry) => entry.startsWith(`${element} `)) ||
        (await witnessText(life)).includes(`"${what.key}"`)
      )
        return false;
      const service = [flagOf(what.key), endpointOf(what.key)];
      await run('ipvsadm', ['-A', ...service, '-s', 'rr']);
      await run('ipvsadm', ['-a', ...service, '-r', handDestination(what.key), '-m', '-w', String(what.weight)]);
      life.byHand.add(what.key);
      return true;
    }
    case 'remove by hand':
      return life.byHand.delete(what.key) && quietly('ipvsadm', '-D', flagOf(what.key), endpointOf(what.key));
    case 'forget an element': {
      const key = keyOf(what.key);
      const digit = key.family === 'ipv4' ? '4' : '6';
      const table = 'element inet lvs-director';
      await quietly('nft', `delete ${table} svc${digit} { ${endpointElement(key)} }`);
      return quietly('nft', `delete ${table} vip${digit} { ${key.address} }`);
    }
    case 'clear ipvs':
      life.byHand.clear();
      return quietly('ipvsadm', '-C');
    case 'delete table':
      if (!life.witnessWhole) return false;
      life.ledgerWhole = false;
      return quietly('nft', 'delete', 'table', 'inet', 'lvs-director');
    case 'change table':
      return quietly('nft', 'flush', 'chain', 'inet', 'lvs-director', 'postrouting-nat');
    case 'delete device':
      return quietly('ip', 'link', 'delete', VIP_DEVICE);
    case 'device down':
      return quietly('ip', 'link', 'set', VIP_DEVICE, 'down');
    case 'lose witness':
      if (!life.ledgerWhole) return false;
      life.witnessWhole = false;
      await rm(life.runDirectory, { recursive: true, force: true });
      return true;
    case 'lose both':
      await quietly('nft', 'delete', 'table', 'inet', 'lvs-director');
      await rm(life.runDirectory, { recursive: true, force: true });
      for (const line of before.ipvs) {
        const [, flag, endpoint] = /^-A (-[tu]) (\S+) /.exec(line) ?? [];
        if (flag !== undefined && endpoint !== undefined)
          life.byHand.add(`${flag === '-u' ? 'UDP' : 'TCP'}/${endpoint}`);
      }
      return true;
  }
}

const witnessText = async (life: Life): Promise<string> =>
  run('sh', ['-c', 'cat "$1"/*/witness.json', 'witness', life.runDirectory]).then(
    ({ stdout }) => stdout,
    () => '',
  );

type Reconciliation = Extract<Operation, { does: `reconcile${string}` }>;

/** One reconciliation by a child, to its end or to its death. */
async function reconcileOnce(
  life: Life,
  how: Reconciliation,
): Promise<{ ending: 'whole' | 'killed'; writes: number; disturbed?: Event }> {
  life.child ??= fork(FILE, [life.runDirectory], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const { child } = life;
  let disturbed: Event | undefined;
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      child.off('message', onAnswer);
      child.off('exit', onExit);
      settle();
    };
    const onExit = (): void =>
      end(() => {
        life.child = null;
        resolve({ ending: 'killed', writes: 0 });
      });
    const onAnswer = (message: unknown): void => {
      const answer = message as Answer;
      if (answer.says === 'waiting') {
        if (how.does !== 'reconcile, disturbed') return;
        interfere(how.by, life).then(
          (event) => {
            disturbed = event;
            child.send('go on');
          },
          (error: unknown) => end(() => reject(error instanceof Error ? error : new Error(String(error)))),
        );
      } else if (!answer.converged && disturbed === undefined) {
        end(() => reject(new Error(`not converged: ${answer.message}`)));
      } else {
        end(() =>
          resolve({ ending: 'whole', writes: answer.writes, ...(disturbed === undefined ? {} : { disturbed }) }),
        );
      }
    };
    child.on('message', onAnswer);
    child.once('exit', onExit);
    child.send({
      wanted: [...life.wanted.values()],
      killBefore: how.does === 'reconcile, killed' ? how.before : null,
      waitBefore: how.does === 'reconcile, disturbed' ? how.before : null,
    } satisfies Order);
  });
}

async function turn(life: Life, how: Reconciliation): Promise<Event> {
  const first = await reconcileOnce(life, how);
  if (first.ending === 'killed') return { ending: 'killed' };
  // Somebody was busy at the same time; the next turn of the loop makes it good.
  if (first.disturbed !== undefined) await reconcileOnce(life, { does: 'reconcile' });
  life.ledgerWhole = true;
  life.witnessWhole = true;
  const after = await snapshot();
  const again = await reconcileOnce(life, { does: 'reconcile' });
  return {
    ending: 'whole',
    after,
    writesAgain: again.writes,
    ...(first.disturbed === undefined ? {} : { disturbed: first.disturbed }),
  };
}

async function live(operations: readonly Operation[], runDirectory: string): Promise<Event[]> {
  await quietly('ipvsadm', '-C');
  await quietly('nft', 'flush', 'ruleset');
  await quietly('ip', 'link', 'delete', VIP_DEVICE);
  await rm(runDirectory, { recursive: true, force: true });
  const life: Life = {
    runDirectory,
    wanted: new Map(),
    byHand: new Set(),
    ledgerWhole: true,
    witnessWhole: true,
    child: null,
  };
  try {
    return await liveThrough(operations, life);
  } finally {
    life.child?.kill('SIGKILL');
  }
}

async function liveThrough(operations: readonly Operation[], life: Life): Promise<Event[]> {
  const events: Event[] = [];
  for (const what of operations) {
    if (what.does === 'want') life.wanted.set(what.key, what);
    else if (what.does === 'want no more') life.wanted.delete(what.key);
    if (what.does === 'want' || what.does === 'want no more') events.push({});
    else if (what.does === 'reconcile' || what.does === 'reconcile, killed' || what.does === 'reconcile, disturbed')
      events.push(await turn(life, what));
    else events.push(await interfere(what, life));
  }
  return events;
}

const [, , runDirectory = ''] = process.argv;
if (process.send === undefined) {
  for (const operations of JSON.parse(await text(process.stdin)) as Operation[][]) {
    const events = await live(operations, runDirectory).catch((error: unknown) => String(error));
    process.stdout.write(`${JSON.stringify(events)}\n`);
  }
} else {
  await obey(runDirectory);
}
