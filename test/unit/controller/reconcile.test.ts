/** Whole reconciliations against a kernel in memory that misses things, refuses, or is changed by somebody else meanwhile. */
import { describe, expect, it } from 'vitest';
import type { Desired } from '../../../src/controller/desired.ts';
import { planNode } from '../../../src/controller/node-plan.ts';
import { observe } from '../../../src/controller/observe.ts';
import { reconcile, type Reconciled } from '../../../src/controller/reconcile.ts';
import { emptyElements } from '../../../src/host/netfilter/table.ts';
import type { ObservedService } from '../../../src/ipvs/types.ts';
import { serviceKeyText } from '../../../src/ipvs/types.ts';
import { byHand, desired, desiredService, destination, uidOf } from '../../support/desired.ts';
import {
  boundAddresses,
  Killed,
  memoryKernel,
  type MemoryKernel,
  type MemoryOptions,
} from '../../support/memory-kernel.ts';
import { stepLine } from '../../support/steps.ts';

const WEB = 'TCP/10.0.0.1:80';
const DNS = 'UDP/10.0.0.2:53';
const web = desiredService(WEB, { '10.1.0.1:80': 1, '10.1.0.2:80': 2 });
const dns = desiredService(DNS, { '10.1.0.1:53': 1 }, { name: 'default/dns' });

const attempt = (kernel: MemoryKernel, wanted: Desired, told: string[] = []) =>
  reconcile(wanted, kernel.node, ({ step, failure }) =>
    told.push(`${stepLine(step)}${failure === null ? '' : ` ${failure.reason}`}`),
  );
async function run(kernel: MemoryKernel, wanted: Desired, told?: string[]): Promise<Reconciled> {
  const result = await attempt(kernel, wanted, told);
  if (!result.ok) throw new Error(result.message);
  return result.value;
}
async function serving(wanted: Desired, options?: MemoryOptions): Promise<MemoryKernel> {
  const kernel = memoryKernel(options);
  expect((await run(kernel, wanted)).converged).toBe(true);
  kernel.forget();
  return kernel;
}
const settled = (kernel: MemoryKernel): Record<string, boolean> =>
  Object.fromEntries([...(kernel.state.witness ?? [])].map(([key, entry]) => [key, entry.settled]));
const without = (key: string) => (services: readonly ObservedService[]) =>
  services.filter((entry) => serviceKeyText(entry.key) !== key);

describe('a reconciliation', () => {
  it('makes what is wanted, with the witness before and after it', async () => {
    const kernel = memoryKernel();
    const told: string[] = [];
    const result = await run(kernel, desired([web]), told);
    expect(result.converged).toBe(true);
    expect(kernel.lines).toEqual([
      `witness ${WEB}?`,
      'nft create-table, +vip4 10.0.0.1, +svc4 10.0.0.1 . tcp . 80, +masq4 10.0.0.1 . tcp . 80, +ledger4 10.0.0.1 . tcp . 80',
      `ipvs new-service ${WEB} wlc`,
      `ipvs new-destination ${WEB} > 10.1.0.1:80*1`,
      `ipvs new-destination ${WEB} > 10.1.0.2:80*2`,
      'link create-dummy dummy-lvs',
      'link add-address 10.0.0.1',
      `witness ${WEB}`,
    ]);
    expect(told).toEqual(result.outcomes.map(({ step }) => stepLine(step)));
    expect(kernel.state.witness?.get(WEB)).toEqual({
      uid: uidOf('default/web'),
      name: 'default/web',
      masquerade: true,
      settled: true,
      silent: false,
    });
  });

  it.each([
    ['one service', desired([web])],
    ['two services', desired([web, dns])],
    ['none after one', desired()],
    ['another after one', desired([dns])],
    [
      'one with other destinations',
      desired([desiredService(WEB, { '10.1.0.3:80': 0 }, { scheduler: 'sh', masquerade: false })]),
    ],
  ])('leaves an empty plan behind: %s', async (_what, wanted) => {
    const kernel = await serving(desired([web]));
    expect((await run(kernel, wanted)).converged).toBe(true);
    const look = await observe(kernel.node);
    expect(look.ok && planNode(wanted, look.state).steps).toEqual([]);
    expect([...kernel.state.services.keys()]).toEqual([...wanted.services.keys()]);
    expect(settled(kernel)).toEqual(Object.fromEntries([...wanted.services.keys()].map((key) => [key, true])));
  });

  it('writes nothing at all when nothing differs', async () => {
    const kernel = await serving(desired([web, dns]));
    const result = await run(kernel, desired([web, dns]));
    expect(result).toMatchObject({ converged: true, outcomes: [] });
    expect(kernel.lines).toEqual([]);
    expect(kernel.writes()).toBe(0);
  });

  it('unsettles the witness of what leaves, before it leaves', async () => {
    const kernel = await serving(desired([web, dns]));
    await run(kernel, desired([dns]));
    expect(kernel.lines).toEqual([
      `witness ${WEB}? ${DNS}`,
      'link delete-address 10.0.0.1',
      `ipvs delete-service ${WEB}`,
      'nft -vip4 10.0.0.1, -svc4 10.0.0.1 . tcp . 80, -masq4 10.0.0.1 . tcp . 80, -ledger4 10.0.0.1 . tcp . 80',
      `witness ${DNS}`,
    ]);
  });

  it('writes the witness anew when it was lost', async () => {
    const kernel = await serving(desired([web]));
    kernel.state.witness = null;
    await run(kernel, desired([web]));
    expect(kernel.lines).toEqual([`witness ${WEB}`]);
  });

  it('puts the table back, and takes away what should go in the next round', async () => {
    const kernel = await serving(desired([web, dns]));
    kernel.state.table = null;
    expect((await run(kernel, desired([dns]))).converged).toBe(true);
    expect(
      kernel.lines.filter((line) => !line.startsWith('witness')).map((line) => line.split(' ').slice(0, 2).join(' ')),
    ).toEqual(['nft create-table,', 'link delete-address', 'ipvs delete-service', 'nft -vip4']);
    expect([...kernel.state.services.keys()]).toEqual([DNS]);
  });
});

describe('a look', () => {
  it.each(['ipvs', 'links', 'netfilter', 'witness'] as const)(
    'without the part %s is no look, and nothing is changed',
    async (part) => {
      const kernel = await serving(desired([web]));
      kernel.faults.blind = { [part]: true };
      const result = await attempt(kernel, desired());
      expect(result).toEqual({ ok: false, message: expect.stringMatching(/broke off|refused|EIO/) });
      expect(kernel.lines).toEqual([]);
    },
  );

  it('that fails the second time takes nothing away', async () => {
    const kernel = await serving(desired([web]));
    kernel.faults.dump = (services, look) => (look === 2 ? null : services);
    expect(await attempt(kernel, desired())).toEqual({ ok: false, message: 'the dump broke off' });
    expect(kernel.lines).toEqual([]);
  });

  it('that shows once what is not there deletes nothing of it', async () => {
    const kernel = await serving(desired([web]));
    const ghost = byHand('TCP/10.0.0.1:22');
    kernel.faults.dump = (services, look) =>
      look === 1
        ? services.map((entry) => ({ ...entry, destinations: [...entry.destinations, ...ghosts(ghost)] }))
        : services;
    expect((await run(kernel, desired([web]))).converged).toBe(true);
    expect(kernel.lines).toEqual([]);
  });

  it('that misses a service of somebody else once keeps its way through the filter', async () => {
    const kernel = memoryKernel();
    kernel.state.services.set('TCP/10.0.0.1:22', byHand('TCP/10.0.0.1:22'));
    await run(kernel, desired([web]));
    kernel.forget();
    kernel.faults.dump = (services, look) => (look === 1 ? without('TCP/10.0.0.1:22')(services) : services);
    expect((await run(kernel, desired([web]))).converged).toBe(true);
    expect(kernel.lines).toEqual([]);
  });

  it('that misses a service of ours once makes nobody the winner of a race', async () => {
    const kernel = await serving(desired([web]));
    kernel.state.table = null;
    kernel.faults.dump = (services, look) => (look === 1 ? without(WEB)(services) : services);
    const grown = { ...web, destinations: [...web.destinations, destination('10.1.0.3:80', 3)] };
    await run(kernel, desired([grown]));
    expect(kernel.lines).toContain(`ipvs new-service ${WEB} wlc EEXIST`);
    expect(kernel.lines.filter((line) => /delete| -/.test(line))).toEqual([]);
    expect(kernel.state.services.get(WEB)?.destinations.size).toBe(3);
    expect(kernel.state.table).toMatchObject({
      elements: { ledger4: new Map([['10.0.0.1 . tcp . 80', uidOf('default/web')]]) },
    });
  });

  it('that sees a removal only the second time waits for the next reconciliation with it', async () => {
    const kernel = await serving(desired([web]));
    kernel.state.services.set('TCP/10.0.0.1:22', byHand('TCP/10.0.0.1:22'));
    await run(kernel, desired([web]));
    kernel.forget();
    // The first look wants to remove something else, so that there is a second one.
    kernel.faults.dump = (services, look) => (look === 2 ? without('TCP/10.0.0.1:22')(services) : services);
    const changed = desiredService(WEB, { '10.1.0.1:80': 1 });
    expect((await run(kernel, desired([changed]))).converged).toBe(true);
    expect(kernel.lines).toEqual([`ipvs delete-destination ${WEB} > 10.1.0.2:80`]);
  });

  it('with a removal that the next one does not confirm is not the end', async () => {
    const kernel = await serving(desired([web]));
    let look = 0;
    const node = {
      ...kernel.node,
      netfilter: {
        ...kernel.node.netfilter,
        observe: async () => {
          const seen = await kernel.node.netfilter.observe();
          look++;
          if (!seen.ok || seen.value === null) return seen;
          // An element too many, another one each time: no removal is ever seen twice.
          const svc4 = new Map([...seen.value.elements.svc4, [`10.0.0.1 . tcp . ${look}`, '']]);
          return { ok: true as const, value: { ...seen.value, elements: { ...seen.value.elements, svc4 } } };
        },
      },
    };
    const result = await reconcile(desired([web]), node, () => undefined);
    expect(result).toMatchObject({ ok: true, value: { converged: false, outcomes: [] } });
    expect(kernel.lines).toEqual([]);
  });
});

const ghosts = ({ destinations }: ReturnType<typeof byHand>): ObservedService['destinations'] =>
  [...destinations.values()].map((entry) => ({
    ...entry,
    activeConnections: 0,
    inactiveConnections: 0,
    persistentConnections: 0,
    statistics: null,
  }));

describe('somebody who makes our service between our look and our write', () => {
  const race = async (weights: Readonly<Record<string, number>>, others = [dns]) => {
    const kernel = memoryKernel();
    const theirs = byHand(WEB, weights);
    const cutOff: string[] = [];
    kernel.faults.interfere = (line) => {
      if (line.startsWith(`ipvs new-service ${WEB}`)) kernel.state.services.set(WEB, theirs);
    };
    kernel.faults.watch = (line) => {
      const { elements } = kernel.state.table ?? {};
      const filtered = elements?.vip4.has('10.0.0.1') === true && !elements.svc4.has('10.0.0.1 . tcp . 80');
      if (kernel.state.services.has(WEB) && filtered) cutOff.push(line);
    };
    const told: string[] = [];
    const result = await run(kernel, desired([web, ...others]), told);
    expect(cutOff).toEqual([]);
    return { kernel, theirs, result, told };
  };

  it.each([
    ['with other destinations', { '10.9.0.1:80': 1 }],
    ['with one of our destinations', { '10.1.0.1:80': 7 }],
    ['with none', {}],
  ])('has it, and gets it back as it was: %s', async (_what, weights) => {
    const { kernel, theirs, result } = await race(weights);
    expect(kernel.state.services.get(WEB)).toEqual(theirs);
    expect(result).toMatchObject({ converged: true, plan: { conflicts: new Set([WEB]) } });
    // Nothing is left of it in our books and our filter.
    const { vip4, svc4, masq4, ledger4 } = kernel.state.table?.elements ?? emptyElements();
    expect([vip4, svc4, masq4, ledger4].flatMap((set) => [...set.keys()])).toEqual([
      '10.0.0.2',
      ...Array.from({ length: 3 }, () => '10.0.0.2 . udp . 53'),
    ]);
    expect(settled(kernel)).toEqual({ [DNS]: true });
    expect(boundAddresses(kernel.state)).toEqual(['10.0.0.2']);
  });

  it('leaves the filter to another service of ours on its address', async () => {
    const second = desiredService('TCP/10.0.0.1:81', {}, { name: 'default/second' });
    const { kernel, result } = await race({}, [second]);
    expect(result.converged).toBe(true);
    const { vip4, svc4, masq4, ledger4 } = kernel.state.table?.elements ?? emptyElements();
    expect([...vip4.keys()]).toEqual(['10.0.0.1']);
    expect([...svc4.keys()].toSorted()).toEqual(['10.0.0.1 . tcp . 80', '10.0.0.1 . tcp . 81']);
    expect([...masq4.keys(), ...ledger4.keys()]).toEqual(['10.0.0.1 . tcp . 81', '10.0.0.1 . tcp . 81']);
    expect(boundAddresses(kernel.state)).toEqual(['10.0.0.1']);
  });

  it('is cleared up after in the same reconciliation, also when another service was refused', async () => {
    const refused = desiredService('TCP/10.0.0.3:80', {}, { name: 'default/refused', scheduler: 'twos' });
    const { kernel, result } = await race({}, [refused]);
    expect(result.converged).toBe(false);
    expect([...(kernel.state.table?.elements.vip4.keys() ?? [])]).toEqual(['10.0.0.3']);
  });

  it('does not hold back the others, and the next look says that it is a conflict', async () => {
    const { kernel, theirs, told } = await race({});
    expect(told).toContain(`ipvs new-service ${WEB} wlc Conflict`);
    expect(told).toContain(`ipvs delete-destination ${WEB} > 10.1.0.1:80`);
    kernel.forget();
    const result = await run(kernel, desired([web, dns]));
    expect(result.converged).toBe(true);
    expect(result.plan.conflicts).toEqual(new Set([WEB]));
    expect(kernel.state.services.get(WEB)).toEqual(theirs);
    expect(settled(kernel)).toEqual({ [DNS]: true });
  });
});

describe('what fails', () => {
  it('leaves nothing to do for those whom it does not concern', async () => {
    const kernel = memoryKernel({ schedulers: ['rr'] });
    const good = desiredService(DNS, { '10.1.0.1:53': 1 }, { name: 'default/dns', scheduler: 'rr' });
    const result = await run(kernel, desired([web, good]));
    expect(result.converged).toBe(false);
    expect(new Set(result.plan.steps.map((step) => step.owner?.name))).toEqual(new Set(['default/web']));
  });

  it('for certain is not tried again in the same reconciliation', async () => {
    const kernel = memoryKernel({ schedulers: ['rr'] });
    const result = await run(kernel, desired([web]));
    expect(result.converged).toBe(false);
    expect(kernel.lines.filter((line) => line.includes('new-service'))).toEqual([`ipvs new-service ${WEB} wlc ENOENT`]);
    expect(settled(kernel)).toEqual({ [WEB]: false });
    expect(boundAddresses(kernel.state)).toEqual([]);
  });

  it.each([true, false])('without an answer is looked at again (done: %s)', async (done) => {
    const kernel = await serving(desired([web]));
    kernel.faults.timeoutAt = { write: 1, done };
    const changed = desiredService(WEB, { '10.1.0.1:80': 7, '10.1.0.2:80': 2 });
    const result = await run(kernel, desired([changed]));
    expect(result.converged).toBe(true);
    expect(kernel.lines.filter((line) => line.startsWith('ipvs'))).toHaveLength(done ? 1 : 2);
    expect(settled(kernel)).toEqual({ [WEB]: true });
  });

  it.each([true, false])(
    'leaves the witness of its service unsettled until a look confirms it (done: %s)',
    async (done) => {
      const kernel = await serving(desired([web]));
      const changed = desiredService(WEB, { '10.1.0.1:80': 7, '10.1.0.2:80': 2 });
      const seen: string[] = [];
      kernel.faults.timeoutAt = { write: 1, done };
      kernel.faults.watch = (line) => seen.push(line);
      await run(kernel, desired([changed]));
      expect(seen.filter((line) => line.startsWith('witness'))).toEqual([`witness ${WEB}?`, `witness ${WEB}`]);
    },
  );

  it('keeps the witness of a service that could not be removed', async () => {
    const kernel = await serving(desired([web]));
    kernel.faults.interfere = (line, write) => {
      if (line.startsWith('ipvs delete-service')) kernel.faults.timeoutAt = { write, done: false };
    };
    const result = await run(kernel, desired());
    expect(result.converged).toBe(false);
    expect(settled(kernel)).toEqual({ [WEB]: false });
    expect(kernel.state.table?.elements.ledger4.get('10.0.0.1 . tcp . 80')).toBe(uidOf('default/web'));
    kernel.forget();
    expect((await run(kernel, desired())).converged).toBe(true);
    expect(kernel.state.services.size).toBe(0);
    expect(kernel.state.witness).toEqual(new Map());
  });

  it('by interference that does not stop ends after four rounds', async () => {
    const kernel = await serving(desired([web]));
    kernel.faults.watch = (line) => {
      if (line.startsWith('ipvs'))
        kernel.state.services.set(WEB, byHand(WEB, { '10.1.0.1:80': 1, '10.1.0.2:80': 9 }, 'wlc'));
    };
    kernel.state.services.set(WEB, byHand(WEB, { '10.1.0.1:80': 1, '10.1.0.2:80': 9 }, 'wlc'));
    const result = await run(kernel, desired([web]));
    expect(result.converged).toBe(false);
    expect(result.outcomes).toHaveLength(4);
    expect(kernel.lines).toEqual(Array.from({ length: 4 }, () => `ipvs set-destination ${WEB} > 10.1.0.2:80*2`));
  });
});

describe('a process that is killed', () => {
  const writesOf = async (before: Desired, after: Desired): Promise<number> => {
    const kernel = await serving(before);
    await run(kernel, after);
    return kernel.lines.length;
  };

  it.each([
    ['makes', desired(), desired([web])],
    ['removes', desired([web]), desired()],
    ['replaces', desired([web]), desired([dns])],
  ])('before any write while it %s a service is made good by the next', async (_what, before, after) => {
    const count = await writesOf(before, after);
    for (let write = 1; write <= count; write++) {
      const kernel = await serving(before);
      const theirs = byHand('TCP/10.0.0.9:22');
      kernel.state.services.set('TCP/10.0.0.9:22', theirs);
      kernel.faults.killBefore = write;
      await expect(attempt(kernel, after)).rejects.toBe(Killed);
      kernel.forget();
      expect((await run(kernel, after)).converged).toBe(true);
      expect([...kernel.state.services.keys()].toSorted()).toEqual(
        ['TCP/10.0.0.9:22', ...after.services.keys()].toSorted(),
      );
      expect(kernel.state.services.get('TCP/10.0.0.9:22')).toBe(theirs);
      expect(settled(kernel)).toEqual(Object.fromEntries([...after.services.keys()].map((key) => [key, true])));
    }
  });

  it('and whose table is deleted before the next starts still knows what it made', async () => {
    const count = await writesOf(desired(), desired([web]));
    for (let write = 1; write <= count; write++) {
      const kernel = await serving(desired());
      kernel.faults.killBefore = write;
      await expect(attempt(kernel, desired([web]))).rejects.toBe(Killed);
      kernel.forget();
      kernel.state.table = null;
      expect((await run(kernel, desired())).converged).toBe(true);
      expect([...kernel.state.services.keys()]).toEqual([]);
      expect(boundAddresses(kernel.state)).toEqual([]);
    }
  });
});
