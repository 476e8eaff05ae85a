/** Steps against a kernel that refuses some of them: what fails stops only what depends on it. */
import { describe, expect, it } from 'vitest';
import { apply, outcomeText, type StepOutcome } from '../../../src/controller/apply.ts';
import type { Step } from '../../../src/controller/steps.ts';
import { emptyElements } from '../../../src/host/netfilter/table.ts';
import { fail, type NetlinkFailure } from '../../../src/netlink/result.ts';
import { byHand } from '../../support/desired.ts';
import { boundAddresses, memoryKernel, type MemoryKernel, putDevice } from '../../support/memory-kernel.ts';
import {
  addAddress,
  addElement,
  createDevice,
  createTable,
  deleteAddress,
  deleteDestination,
  deleteElement,
  deleteService,
  newDestination,
  newService,
  setDestination,
  setService,
  sysctlStep,
} from '../../support/steps.ts';

const WEB = 'TCP/10.0.0.1:80';
const DNS = 'UDP/10.0.0.2:53';
const LOST: Step[] = [];

/** For each step in the order of outcomes `VERB KEY-OR-NOTHING: REASON`, or `ok`. */
const words = (outcomes: readonly StepOutcome[]): string[] =>
  outcomes.map(({ step, failure }) => {
    const verb = step.layer === 'sysctl' ? 'sysctl' : step.change.verb;
    return `${verb}${step.service === null ? '' : ` ${step.service}`}: ${failure?.reason ?? 'ok'}`;
  });
const run = async (kernel: MemoryKernel, ...steps: Step[]): Promise<string[]> => words(await apply(steps, kernel.node));

function withTable(...elements: string[]): MemoryKernel {
  const kernel = memoryKernel();
  kernel.state.table = {
    shapeCurrent: true,
    elements: { ...emptyElements(), svc4: new Map(elements.map((text) => [text, ''])) },
  };
  return kernel;
}

describe('steps', () => {
  it('do nothing when there are none', async () => {
    const kernel = memoryKernel();
    expect(await run(kernel, ...LOST)).toEqual([]);
    expect(kernel.lines).toEqual([]);
  });

  it('run in their order, those of netfilter in one transaction', async () => {
    const kernel = memoryKernel();
    const outcomes = await run(
      kernel,
      createTable,
      addElement(WEB),
      newService(WEB),
      newDestination(WEB, '10.1.0.1:80', 3),
      createDevice,
      addAddress('10.0.0.1'),
    );
    expect(outcomes.every((text) => text.endsWith(': ok'))).toBe(true);
    expect(kernel.lines).toEqual([
      'nft create-table, +svc4 10.0.0.1 . tcp . 80',
      `ipvs new-service ${WEB} wlc`,
      `ipvs new-destination ${WEB} > 10.1.0.1:80*3`,
      'link create-dummy dummy-lvs',
      'link add-address 10.0.0.1',
    ]);
  });

  it('are told one by one as soon as they are known', async () => {
    const told: StepOutcome[] = [];
    const kernel = memoryKernel();
    const outcomes = await apply([createTable, newService(WEB), newService(WEB)], kernel.node, (outcome) =>
      told.push(outcome),
    );
    expect(told).toEqual(outcomes);
    expect(words(told)).toEqual(['create-table: ok', `new-service ${WEB}: ok`, `new-service ${WEB}: Conflict`]);
  });

  it('change in place what is there', async () => {
    const kernel = memoryKernel();
    kernel.state.services.set(WEB, byHand(WEB, { '10.1.0.1:80': 1, '10.1.0.2:80': 1 }));
    await run(
      kernel,
      setService(WEB, 'sh'),
      setDestination(WEB, '10.1.0.1:80', 0),
      deleteDestination(WEB, '10.1.0.2:80'),
    );
    expect(kernel.state.services.get(WEB)).toEqual(byHand(WEB, { '10.1.0.1:80': 0 }, 'sh'));
  });
});

describe('a refused step', () => {
  it('of a service whose scheduler the kernel lacks says so, and the others go on', async () => {
    const kernel = memoryKernel();
    const steps = [
      newService(WEB, 'twos'),
      newDestination(WEB, '10.1.0.1:80'),
      newService(DNS),
      createDevice,
      addAddress('10.0.0.1'),
      addAddress('10.0.0.2'),
    ];
    const outcomes = await apply(steps, kernel.node);
    expect(words(outcomes)).toEqual([
      `new-service ${WEB}: SchedulerUnavailable`,
      `new-destination ${WEB}: Waiting`,
      `new-service ${DNS}: ok`,
      'add-address: Waiting',
      'create-dummy: ok',
      'add-address: ok',
    ]);
    expect(outcomes[0]?.failure).toEqual({
      reason: 'SchedulerUnavailable',
      message: 'this kernel has no scheduler twos; load ip_vs_twos or choose another',
      uncertain: false,
    });
    expect(outcomes[3]?.failure?.message).toBe('no service of 10.0.0.1 could be made');
    expect(boundAddresses(kernel.state)).toEqual(['10.0.0.2']);
  });

  it('of a new scheduler for a service that is there says so too', async () => {
    const kernel = memoryKernel();
    kernel.state.services.set(WEB, byHand(WEB));
    expect(await run(kernel, setService(WEB, 'twos'))).toEqual([`set-service ${WEB}: SchedulerUnavailable`]);
  });

  it('does not hold back a VIP that has another service', async () => {
    const kernel = memoryKernel();
    await run(kernel, newService(WEB, 'twos'), newService('TCP/10.0.0.1:81'), createDevice, addAddress('10.0.0.1'));
    expect(boundAddresses(kernel.state)).toEqual(['10.0.0.1']);
  });

  it('does not hold back a VIP whose services are there already', async () => {
    const kernel = memoryKernel();
    await run(kernel, newService(DNS, 'twos'), createDevice, addAddress('10.0.0.1'));
    expect(boundAddresses(kernel.state)).toEqual(['10.0.0.1']);
  });

  it('of a service that somebody else just made is a conflict', async () => {
    const kernel = memoryKernel();
    kernel.state.services.set(WEB, byHand(WEB));
    const [outcome] = await apply([newService(WEB)], kernel.node);
    expect(outcome?.failure).toEqual({
      reason: 'Conflict',
      message: 'somebody else made the same service at the same moment',
      uncertain: false,
    });
  });

  it('of netfilter stops new services and VIPs, and neither changes nor removals', async () => {
    const kernel = withTable();
    kernel.state.services.set(DNS, byHand(DNS, { '10.1.0.1:53': 1 }));
    kernel.faults.nft = 'nft -f: no';
    const steps = [
      addElement(WEB),
      newService(WEB),
      setDestination(DNS, '10.1.0.1:53', 7),
      createDevice,
      addAddress('10.0.0.1'),
    ];
    const outcomes = await apply(steps, kernel.node);
    expect(words(outcomes)).toEqual([
      `add-element ${WEB}: NetfilterFailed`,
      `new-service ${WEB}: Waiting`,
      `set-destination ${DNS}: ok`,
      'add-address: Waiting',
      'create-dummy: ok',
    ]);
    expect(outcomes[0]?.failure).toEqual({ reason: 'NetfilterFailed', message: 'nft -f: no', uncertain: true });
    expect(outcomes[1]?.failure).toEqual({
      reason: 'Waiting',
      message: 'the return path could not be made',
      uncertain: false,
    });
    expect(outcomes[3]?.failure?.message).toBe('the return path could not be made');
    expect(boundAddresses(kernel.state)).toEqual([]);
  });

  it('of netfilter holds back what belongs to a service that waits for it', async () => {
    const kernel = withTable();
    kernel.faults.nft = 'nft -f: no';
    const steps = [addElement(WEB), newService(WEB), newDestination(WEB, '10.1.0.1:80')];
    const outcomes = await apply(steps, kernel.node);
    expect(words(outcomes).slice(1)).toEqual([`new-service ${WEB}: Waiting`, `new-destination ${WEB}: Waiting`]);
    expect(outcomes[2]?.failure?.message).toBe(`${WEB} could not be made`);
    expect(kernel.lines.filter((line) => line.startsWith('ipvs'))).toEqual([]);
  });

  it('of a removal keeps what the service needs', async () => {
    const kernel = withTable('10.0.0.1 . tcp . 80', '10.0.0.2 . udp . 53');
    kernel.state.services.set(WEB, byHand(WEB));
    kernel.state.services.set(DNS, byHand(DNS));
    kernel.faults.timeoutAt = { write: 1, done: false };
    const outcomes = await apply(
      [deleteService(WEB), deleteService(DNS), deleteElement(WEB), deleteElement(DNS)],
      kernel.node,
    );
    expect(words(outcomes)).toEqual([
      `delete-service ${WEB}: KernelRefused`,
      `delete-service ${DNS}: ok`,
      `delete-element ${WEB}: Waiting`,
      `delete-element ${DNS}: ok`,
    ]);
    expect(outcomes[0]?.failure?.uncertain).toBe(true);
    expect(outcomes[2]?.failure?.message).toBe(`${WEB} could not be removed, so what it needs stays`);
    expect([...(kernel.state.table?.elements.svc4.keys() ?? [])]).toEqual(['10.0.0.1 . tcp . 80']);
  });

  it('of a transaction leaves the table as it was', async () => {
    const kernel = withTable('10.0.0.1 . tcp . 80');
    expect(await run(kernel, deleteElement(WEB), deleteElement(DNS))).toEqual([
      `delete-element ${WEB}: NetfilterFailed`,
      `delete-element ${DNS}: NetfilterFailed`,
    ]);
    expect(kernel.state.table?.elements.svc4.size).toBe(1);
  });

  it('of a destination is refused by itself only', async () => {
    const kernel = memoryKernel();
    kernel.state.services.set(WEB, byHand(WEB, { '10.1.0.1:80': 1 }));
    const outcomes = await run(
      kernel,
      newDestination(WEB, '10.1.0.1:80'),
      newDestination(WEB, '10.1.0.2:80'),
      deleteDestination(WEB, '10.1.0.3:80'),
    );
    expect(outcomes).toEqual([
      `new-destination ${WEB}: KernelRefused`,
      `new-destination ${WEB}: ok`,
      `delete-destination ${WEB}: ok`,
    ]);
  });

  it('says what the kernel said, and whether that is certain', async () => {
    const kernel = memoryKernel();
    const [refused] = await apply([setDestination(WEB, '10.1.0.1:80', 1)], kernel.node);
    expect(refused?.failure).toEqual({
      reason: 'KernelRefused',
      message: 'the kernel refused: ESRCH',
      uncertain: false,
    });
    kernel.faults.timeoutAt = { write: 2, done: true };
    const [unanswered] = await apply([newService(WEB)], kernel.node);
    expect(unanswered?.failure).toMatchObject({ reason: 'KernelRefused', uncertain: true });
    expect(kernel.state.services.has(WEB)).toBe(true);
  });
});

describe('what is gone already', () => {
  it('counts as removed', async () => {
    const kernel = memoryKernel();
    expect(await run(kernel, deleteService(WEB))).toEqual([`delete-service ${WEB}: ok`]);
    expect(await run(kernel, deleteDestination(WEB, '10.1.0.1:80'))).toEqual([`delete-destination ${WEB}: ok`]);
    kernel.state.services.set(WEB, byHand(WEB, {}));
    expect(await run(kernel, deleteDestination(WEB, '10.1.0.1:80'))).toEqual([`delete-destination ${WEB}: ok`]);
  });
});

describe('the line of an outcome', () => {
  it('is the command, and why it was refused, each once', async () => {
    const kernel = memoryKernel();
    kernel.state.services.set(DNS, byHand(DNS));
    const outcomes = await apply([createTable, newService(WEB), newService(DNS)], kernel.node);
    expect(outcomes.map(outcomeText)).toEqual([
      'add table inet lvs-director',
      'ipvsadm -A -t 10.0.0.1:80 -s wlc',
      'ipvsadm -A -u 10.0.0.2:53 -s wlc: somebody else made the same service at the same moment',
    ]);
    const step = newService(WEB);
    const message = 'ipvsadm -A -t 10.0.0.1:80 -s wlc: the kernel refused it with EINVAL';
    const failure = { reason: 'KernelRefused', message, uncertain: false } as const;
    expect(outcomeText({ step, failure })).toBe(message);
  });
});

describe('a VIP that could not be taken away', () => {
  it('keeps its services and its filter, also those of the same group', async () => {
    const kernel = withTable('10.0.0.1 . tcp . 80');
    putDevice(kernel.state, ['10.0.0.1']);
    kernel.state.services.set(WEB, byHand(WEB));
    kernel.faults.timeoutAt = { write: 1, done: false };
    const steps = [deleteAddress('10.0.0.1'), deleteService(WEB), deleteElement(WEB)];
    // As the planner makes them: what takes something away is marked.
    const outcomes = await run(kernel, ...steps.map((step) => ({ ...step, removes: true })));
    expect(outcomes).toEqual([
      'delete-address: KernelRefused',
      `delete-service ${WEB}: Waiting`,
      `delete-element ${WEB}: Waiting`,
    ]);
    expect(kernel.state.services.has(WEB)).toBe(true);
    expect(kernel.state.table?.elements.svc4.size).toBe(1);
  });
});

describe('a VIP', () => {
  it('that is gone already counts as removed', async () => {
    const kernel = memoryKernel();
    putDevice(kernel.state, []);
    expect(await run(kernel, deleteAddress('10.0.0.1'))).toEqual(['delete-address: ok']);
  });

  it('that the kernel has no place for is not there', async () => {
    const kernel = memoryKernel();
    putDevice(kernel.state, []);
    const error: NetlinkFailure = { kind: 'kernel', errno: 'EADDRNOTAVAIL', message: 'no' };
    const links = { ...kernel.node.links, change: async () => [fail(error)] };
    const outcomes = await apply([addAddress('10.0.0.1')], { ...kernel.node, links });
    expect(words(outcomes)).toEqual(['add-address: KernelRefused']);
  });

  it('cannot be added to a device that is gone', async () => {
    const kernel = memoryKernel();
    expect(await run(kernel, addAddress('10.0.0.1'))).toEqual(['add-address: KernelRefused']);
  });
});

describe('a kernel setting', () => {
  it('is never written here', async () => {
    const setting = { name: 'net.ipv4.ip_forward', value: '1', required: true, family: null, why: 'x' } as const;
    const [outcome] = await apply([sysctlStep(setting)], memoryKernel().node);
    expect(outcome?.failure).toEqual({
      reason: 'Waiting',
      message: 'kernel settings are written by `lvs-director init`',
      uncertain: false,
    });
  });
});
