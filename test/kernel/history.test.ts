/**
 * Random histories of a node with a real kernel: objects that change, people with ipvsadm, nft and ip, an lvs-director
 * that is killed with SIGKILL between any two writes. The same histories that the kernel in memory lives, judged by
 * ipvsadm, nft and ip.
 *
 * HISTORIES sets how many are tried, PROPERTY_SEED which.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeDirector } from '../../lab/agent.ts';
import { makeNetwork, type Network } from '../../lab/topology.ts';
import { HISTORY_PROGRAM } from '../../scripts/bundle.ts';
import { endpointElement } from '../../src/host/netfilter/table.ts';
import { uidOf } from '../support/desired.ts';
import {
  handDestination,
  type Interference,
  keyOf,
  NODE_ADDRESS,
  operation,
  type Operation,
  wantedWeights,
} from '../support/history.ts';
import { cases } from '../support/matrix.ts';
import type { Event, Snapshot } from './programs/history.ts';
import { lab } from './support.ts';

const HISTORIES = Number(process.env['HISTORIES'] ?? 3);
const NODE = 'director';

let network: Network;

beforeAll(async () => {
  network = await makeNetwork(lab(), [{ name: NODE, legs: [{ lan: 'lan', addresses: [`${NODE_ADDRESS}/24`] }] }]);
  const director = await makeDirector(network, NODE);
  const { code, stderr } = await director.command(['init']);
  if (code !== 0) throw new Error(stderr);
});

afterAll(async () => {
  await network.remove();
});

type Wanted = Extract<Operation, { does: 'want' }>;

/** The history as it ought to be. */
interface Model {
  readonly wanted: Map<string, Wanted>;
  /** Lines of ipvsadm of the services of others, by key. */
  readonly theirs: Map<string, readonly string[]>;
}

const flagOf = (key: string): string => (key.startsWith('UDP') ? '-u' : '-t');
const nameOf = (key: string): string => `${flagOf(key)} ${key.slice(key.indexOf('/') + 1)}`;
const serviceLines = (key: string, scheduler: string, weights: Readonly<Record<string, number>>): string[] => [
  `-A ${nameOf(key)} -s ${scheduler}`,
  ...Object.entries(weights).map(([at, weight]) => `-a ${nameOf(key)} -r ${at} -m -w ${weight}`),
];

function interfere(what: Interference, event: Event, { theirs }: Model): void {
  if (what.does === 'clear ipvs') theirs.clear();
  else if (what.does === 'remove by hand' && event.done === true) theirs.delete(what.key);
  else if (what.does === 'add by hand' && event.done === true)
    theirs.set(what.key, serviceLines(what.key, 'rr', { [handDestination(what.key)]: what.weight }));
  // Nobody knows any more that they were ours.
  else if (what.does === 'lose both') for (const [key, lines] of services(event.before)) theirs.set(key, lines);
}

function services(snapshot: Snapshot | undefined): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const line of snapshot?.ipvs ?? []) {
    const [, flag, endpoint] = /^-[Aa] (-[tu]) (\S+)/.exec(line) ?? [];
    const key = `${flag === '-u' ? 'UDP' : 'TCP'}/${endpoint ?? ''}`;
    found.set(key, [...(found.get(key) ?? []), line]);
  }
  return found;
}

function expectWhole(event: Event, model: Model): void {
  const { after } = event;
  const ours = [...model.wanted.values()].filter(({ key }) => !model.theirs.has(key));
  const lines = ours.flatMap((what) => serviceLines(what.key, what.scheduler, wantedWeights(what)));
  expect(after?.ipvs).toEqual([...lines, ...[...model.theirs.values()].flat()].toSorted());
  expect(event.writesAgain).toBe(0);

  const bound = after?.bound ?? [];
  const vips = new Set(ours.map(({ key }) => keyOf(key).address).filter((address) => address !== NODE_ADDRESS));
  expect(bound).toEqual(expect.arrayContaining([...vips]));
  const served = new Set([...model.theirs.keys(), ...ours.map(({ key }) => key)].map((key) => keyOf(key).address));
  expect(bound.filter((address) => !served.has(address) || address === NODE_ADDRESS)).toEqual([]);

  const sets = after?.sets ?? {};
  const filtered = [...(sets['vip4'] ?? []), ...(sets['vip6'] ?? [])];
  expect(filtered.toSorted()).toEqual(bound.toSorted());
  for (const [family, digit] of [['ipv4', '4'] as const, ['ipv6', '6'] as const]) {
    const elements = ours
      .map((what) => ({ ...what, at: keyOf(what.key) }))
      .filter(({ at }) => at.family === family)
      .map((what) => ({ ...what, element: endpointElement(what.at) }));
    const ledger = elements.map(({ element, name }) => `${element} ${uidOf(name)}`).toSorted();
    const masqueraded = elements.flatMap(({ element, masquerade }) => (masquerade ? [element] : [])).toSorted();
    expect(sets[`ledger${digit}`] ?? []).toEqual(ledger);
    expect(sets[`masq${digit}`] ?? []).toEqual(masqueraded);
    expect(sets[`svc${digit}`] ?? []).toEqual(expect.arrayContaining(elements.map(({ element }) => element)));
  }
}

function judge(operations: readonly Operation[], events: readonly Event[]): void {
  const model: Model = { wanted: new Map(), theirs: new Map() };
  expect(events).toHaveLength(operations.length);
  for (const [index, what] of operations.entries()) {
    const event = events[index] ?? {};
    if (what.does === 'want') model.wanted.set(what.key, what);
    else if (what.does === 'want no more') model.wanted.delete(what.key);
    else if (what.does === 'reconcile' || what.does === 'reconcile, killed' || what.does === 'reconcile, disturbed') {
      if (what.does === 'reconcile, disturbed' && event.disturbed !== undefined)
        interfere(what.by, event.disturbed, model);
      if (event.ending === 'whole') expectWhole(event, model);
    } else interfere(what, event, model);
  }
}

async function expectGood(history: readonly Operation[]): Promise<void> {
  const operations = [...history, { does: 'reconcile' } as const];
  const { stdout, stderr } = await network.run(NODE, [process.execPath, HISTORY_PROGRAM, '/tmp/history'], {
    input: JSON.stringify([operations]),
    deadlineMs: 200_000,
  });
  const told = JSON.parse(stdout) as Event[] | string;
  if (typeof told === 'string') throw new Error(`${told}\n${stderr}`);
  judge(operations, told);
}

describe('a node with any history', () => {
  it('has what is wanted, and others keep what they have', { timeout: 14_400_000 }, async () => {
    const histories = fc.asyncProperty(fc.array(operation, { minLength: 6, maxLength: 16 }), expectGood);
    expect(await fc.assert(histories, { numRuns: HISTORIES })).toBeUndefined();
  });
});

describe('lvs-director killed before any of its writes', () => {
  const want = (key: string, scheduler: string): Wanted => ({
    does: 'want',
    key,
    scheduler,
    weights: [1, 2, null],
    masquerade: true,
    name: 'default/a',
  });

  // More than there are writes: the last ones are not killed any more, which the judge sees.
  const writes = Array.from({ length: 9 }, (_, index) => index + 1);
  it.each(cases(writes, 3))('write %i, while it makes and replaces, is made good by the next', async (before) => {
    const killed = { does: 'reconcile, killed', before } as const;
    await expectGood([
      { does: 'add by hand', key: 'TCP/10.0.0.2:443', weight: 3 },
      want('TCP/10.0.0.1:80', 'wlc'),
      killed,
      { does: 'reconcile' },
      want('TCP/[2001:db8::1]:80', 'rr'),
      { does: 'want no more', key: 'TCP/10.0.0.1:80' },
      killed,
    ]);
  });
});
