/**
 * Random histories of a node: objects that change, people with ipvsadm, nft and ip, a process that is killed between any
 * two writes. After each of them the node must have what is wanted, and others what they had.
 *
 * PROPERTY_RUNS sets how many histories are tried, PROPERTY_SEED which.
 */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Desired, DesiredService } from '../../../src/controller/desired.ts';
import { VIP_DEVICE } from '../../../src/controller/node-state.ts';
import { planNode } from '../../../src/controller/node-plan.ts';
import { observe } from '../../../src/controller/observe.ts';
import { reconcile } from '../../../src/controller/reconcile.ts';
import { endpointElement } from '../../../src/host/netfilter/table.ts';
import type { AddressServiceKey } from '../../../src/ipvs/types.ts';
import { byHand, desired, desiredService } from '../../support/desired.ts';
import {
  handDestination,
  type Interference,
  keyOf,
  NODE_ADDRESS,
  operation,
  type Operation,
  wantedWeights,
} from '../../support/history.ts';
import {
  boundAddresses,
  Killed,
  memoryKernel,
  type MemoryKernel,
  type MemoryService,
  type MemoryState,
  removeLink,
  setDown,
} from '../../support/memory-kernel.ts';
import { stepLine } from '../../support/steps.ts';

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 1_500);

/** The history as it ought to be. */
interface Model {
  readonly wanted: Map<string, DesiredService>;
  readonly theirs: Map<string, MemoryService>;
  /** Whether ledger and witness have been whole since the last reconciliation that ended. */
  ledgerWhole: boolean;
  witnessWhole: boolean;
}

function interfere(what: Interference, model: Model, state: MemoryState): void {
  switch (what.does) {
    case 'add by hand': {
      // Where our books already name a service, somebody else's cannot be told from ours.
      const parsed = keyOf(what.key);
      const ledger = state.table?.elements[parsed.family === 'ipv4' ? 'ledger4' : 'ledger6'];
      if (
        state.services.has(what.key) ||
        state.witness?.has(what.key) === true ||
        ledger?.has(endpointElement(parsed)) === true
      )
        return;
      const service = byHand(what.key, { [handDestination(what.key)]: what.weight });
      state.services.set(what.key, service);
      model.theirs.set(what.key, service);
      break;
    }
    case 'remove by hand':
      if (model.theirs.delete(what.key)) state.services.delete(what.key);
      break;
    case 'forget an element': {
      const parsed = keyOf(what.key);
      state.table?.elements[parsed.family === 'ipv4' ? 'svc4' : 'svc6'].delete(endpointElement(parsed));
      state.table?.elements[parsed.family === 'ipv4' ? 'vip4' : 'vip6'].delete(parsed.address);
      break;
    }
    case 'clear ipvs':
      state.services.clear();
      model.theirs.clear();
      break;
    case 'delete table':
      if (!model.witnessWhole) return;
      state.table = null;
      model.ledgerWhole = false;
      break;
    case 'change table':
      if (state.table !== null) state.table.shapeCurrent = false;
      break;
    case 'delete device':
      removeLink(state, VIP_DEVICE);
      break;
    case 'device down':
      setDown(state, VIP_DEVICE);
      break;
    case 'lose witness':
      if (!model.ledgerWhole) return;
      state.witness = null;
      model.witnessWhole = false;
      break;
    case 'lose both':
      // Nobody knows any more that they were ours.
      state.table = null;
      state.witness = null;
      for (const [text, service] of state.services) model.theirs.set(text, service);
      break;
  }
}

/** Our services: what is wanted and nobody else has. */
const oursOf = (model: Model): DesiredService[] =>
  [...model.wanted].filter(([text]) => !model.theirs.has(text)).map(([, service]) => service);

/** What must never begin to be true by a write of ours. */
function faultsOf(model: Model, state: MemoryState): Set<string> {
  const faults = new Set<string>();
  const elements = state.table?.elements;
  // A VIP of which one service goes and another comes stays; the filter holds for it meanwhile.
  const served = new Set([...state.services.keys(), ...model.wanted.keys()].map((text) => keyOf(text).address));
  for (const address of boundAddresses(state)) {
    if (!served.has(address)) faults.add(`${address} is bound and has no service`);
    if (elements?.vip4.has(address) !== true && elements?.vip6.has(address) !== true)
      faults.add(`${address} is bound and not filtered`);
  }
  for (const text of state.services.keys()) {
    if (model.theirs.has(text)) continue;
    const parsed = keyOf(text);
    const four = parsed.family === 'ipv4';
    const element = endpointElement(parsed);
    if (elements?.[four ? 'svc4' : 'svc6'].has(element) !== true) faults.add(`${text} is not declared`);
    if (elements?.[four ? 'ledger4' : 'ledger6'].has(element) !== true) faults.add(`${text} is not in the ledger`);
    if (state.witness?.has(text) !== true) faults.add(`${text} is not in the witness`);
  }
  for (const text of model.theirs.keys()) {
    const parsed = keyOf(text);
    const four = parsed.family === 'ipv4';
    const filtered = elements?.[four ? 'vip4' : 'vip6'].has(parsed.address) ?? false;
    const declared = elements?.[four ? 'svc4' : 'svc6'].has(endpointElement(parsed)) ?? false;
    if (filtered && !declared) faults.add(`${text} of others is cut off`);
  }
  for (const [text, service] of model.theirs) {
    if (!isDeepStrictEqual(state.services.get(text), service)) faults.add(`${text} of others was changed`);
  }
  return faults;
}

type Ending = 'whole' | 'killed' | 'disturbed';

async function run(
  kernel: MemoryKernel,
  model: Model,
  how: Extract<Operation, { does: `reconcile${string}` }>,
): Promise<Ending> {
  const { state, faults, lines } = kernel;
  kernel.forget();
  const wanted: Desired = desired([...model.wanted.values()]);
  let disturbed = false;
  let before = new Set<string>();
  if (how.does === 'reconcile, killed') faults.killBefore = how.before;
  faults.interfere = (_line, write) => {
    if (how.does === 'reconcile, disturbed' && write === how.before) {
      interfere(how.by, model, state);
      disturbed = true;
    }
    before = faultsOf(model, state);
  };
  faults.watch = (line) => {
    if (disturbed) return;
    const begun = [...faultsOf(model, state)].filter((fault) => !before.has(fault));
    expect(begun, `after ${line}`).toEqual([]);
    const [, added] = /^link add-address (.*)$/.exec(line) ?? [];
    if (added !== undefined) expect([...state.services.keys()].map((text) => keyOf(text).address)).toContain(added);
  };
  try {
    const result = await reconcile(wanted, kernel.node, () => undefined);
    if (!disturbed) expect(result).toMatchObject({ ok: true, value: { converged: true } });
  } catch (error) {
    if (error !== Killed) throw error;
    return 'killed';
  } finally {
    expect(madeAnew(lines)).toEqual([]);
  }
  return disturbed ? 'disturbed' : 'whole';
}

/** Keys of services or destinations that were deleted and made again. */
function madeAnew(lines: readonly string[]): string[] {
  const deleted = new Set<string>();
  return lines.filter((line) => {
    const match = /^ipvs (new|delete)-(?:service|destination) (\S+(?: > [^* ]+)?)(?:\*\d+| \w+)?$/.exec(line);
    if (match === null) return false;
    if (match[1] === 'delete') deleted.add(match[2] ?? '');
    return match[1] === 'new' && deleted.has(match[2] ?? '');
  });
}

async function expectWhole(kernel: MemoryKernel, model: Model): Promise<void> {
  const { state } = kernel;
  const ours = oursOf(model);
  const expected = new Map([
    ...model.theirs,
    ...ours.map((entry): [string, MemoryService] => {
      const weights = Object.fromEntries(
        entry.destinations.map(({ key: at, config }) => [destinationText(at), config.weight]),
      );
      const text = [...model.wanted].find(([, service]) => service === entry)?.[0] ?? '';
      return [text, byHand(text, weights, entry.service.config.scheduler)];
    }),
  ]);
  expect(new Map(state.services)).toEqual(expected);
  const look = await observe(kernel.node);
  if (!look.ok) throw new Error(look.message);
  expect(planNode(desired([...model.wanted.values()]), look.state).steps.map(stepLine)).toEqual([]);
  expect([...faultsOf(model, state)]).toEqual([]);
  const bound = new Set(boundAddresses(state));
  for (const { service } of ours) {
    const { address } = service.key as AddressServiceKey;
    expect(bound.has(address), `${address} bound`).toBe(address !== NODE_ADDRESS);
  }
  const uids = ours.map((entry) => entry.owner.uid).toSorted();
  expect(
    [...(state.witness?.values() ?? [])]
      .filter((entry) => entry.settled)
      .map((entry) => entry.uid)
      .toSorted(),
  ).toEqual(uids);
  expect(
    [...(state.table?.elements.ledger4.values() ?? []), ...(state.table?.elements.ledger6.values() ?? [])].toSorted(),
  ).toEqual(uids);
}

const destinationText = ({ family, address, port }: DesiredService['destinations'][number]['key']): string =>
  family === 'ipv4' ? `${address}:${port}` : `[${address}]:${port}`;

async function live(operations: readonly Operation[]): Promise<void> {
  const kernel = memoryKernel({ nodeAddresses: [NODE_ADDRESS] });
  const model: Model = { wanted: new Map(), theirs: new Map(), ledgerWhole: true, witnessWhole: true };
  for (const what of [...operations, { does: 'reconcile' } as const]) {
    if (what.does === 'want') {
      model.wanted.set(what.key, desiredService(what.key, wantedWeights(what), what));
    } else if (what.does === 'want no more') {
      model.wanted.delete(what.key);
    } else if (what.does === 'reconcile' || what.does === 'reconcile, killed' || what.does === 'reconcile, disturbed') {
      await turn(kernel, model, what);
    } else {
      interfere(what, model, kernel.state);
    }
  }
}

/** One turn of the loop; after one that was neither killed nor disturbed everything is in order, and the next writes nothing. */
async function turn(kernel: MemoryKernel, model: Model, how: Parameters<typeof run>[2]): Promise<void> {
  let ending = await run(kernel, model, how);
  // Somebody was busy at the same time; the next turn of the loop makes it good.
  if (ending === 'disturbed') ending = await run(kernel, model, { does: 'reconcile' });
  if (ending !== 'whole') return;
  await expectWhole(kernel, model);
  model.ledgerWhole = true;
  model.witnessWhole = true;
  kernel.forget();
  await run(kernel, model, { does: 'reconcile' });
  expect(kernel.lines).toEqual([]);
}

describe('a node with any history', () => {
  it('has what is wanted, and others keep what they have', { timeout: 3_600_000 }, async () => {
    const histories = fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 25 }), live);
    expect(await fc.assert(histories, { numRuns: RUNS })).toBeUndefined();
  });
});
