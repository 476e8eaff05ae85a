/** From what should be and what is to steps: the situations of one node, one by one. */
import { describe, expect, it } from 'vitest';
import type { Desired } from '../../../src/controller/desired.ts';
import { type NodePlan, planNode } from '../../../src/controller/node-plan.ts';
import { observe } from '../../../src/controller/observe.ts';
import { reconcile } from '../../../src/controller/reconcile.ts';
import { SETTINGS } from '../../../src/host/sysctl.ts';
import { byHand, desired, desiredService, service, uidOf } from '../../support/desired.ts';
import { type MemoryKernel, memoryKernel, putDevice, removeLink, setDown } from '../../support/memory-kernel.ts';
import { stepLine } from '../../support/steps.ts';

const WEB = 'TCP/10.0.0.1:80';
const ELEMENT = '10.0.0.1 . tcp . 80';
const DNS = 'UDP/10.0.0.2:53';
const SIX = 'TCP/[2001:db8::1]:80';
const web = desiredService(WEB, { '10.1.0.1:80': 1, '10.1.0.2:80': 2 });
const dns = desiredService(DNS, { '10.1.0.1:53': 1 }, { name: 'default/dns', masquerade: false });
const six = desiredService(SIX, { '[2001:db8::2]:80': 1 }, { name: 'default/six' });

async function look(kernel: MemoryKernel, wanted: Desired): Promise<NodePlan> {
  const seen = await observe(kernel.node);
  if (!seen.ok) throw new Error(seen.message);
  return planNode(wanted, seen.state);
}
const lines = async (kernel: MemoryKernel, wanted: Desired): Promise<string[]> =>
  (await look(kernel, wanted)).steps.map(stepLine);

/** A node on which `wanted` is served already. */
async function serving(...wanted: Parameters<typeof desired>): Promise<MemoryKernel> {
  const kernel = memoryKernel();
  await bring(kernel, desired(...wanted));
  return kernel;
}
async function bring(kernel: MemoryKernel, wanted: Desired): Promise<void> {
  const result = await reconcile(wanted, kernel.node, () => undefined);
  if (!result.ok || !result.value.converged) throw new Error(`not converged: ${JSON.stringify(kernel.lines)}`);
  kernel.forget();
}
const wrong = (name: string) => {
  const setting = SETTINGS.find((entry) => entry.name === name);
  if (setting === undefined) throw new Error(`no setting ${name}`);
  return { setting, found: '0' };
};

describe('a node', () => {
  it('that should serve nothing and never did gets nothing', async () => {
    expect(await lines(memoryKernel(), desired())).toEqual([]);
  });

  it('makes netfilter first, then the service with its destinations, then the VIP', async () => {
    const plan = await look(memoryKernel(), desired([web]));
    expect(plan.steps.map(stepLine)).toEqual([
      'nft create-table',
      'nft +vip4 10.0.0.1',
      `nft +svc4 ${ELEMENT}`,
      `nft +masq4 ${ELEMENT}`,
      `nft +ledger4 ${ELEMENT}`,
      `ipvs new-service ${WEB} wlc`,
      `ipvs new-destination ${WEB} > 10.1.0.1:80*1`,
      `ipvs new-destination ${WEB} > 10.1.0.2:80*2`,
      'link create-dummy dummy-lvs',
      'link add-address 10.0.0.1',
    ]);
    expect(plan.steps.some((step) => step.removes)).toBe(false);
    expect(plan.steps.map((step) => step.service)).toEqual([null, null, WEB, WEB, WEB, WEB, WEB, WEB, null, WEB]);
    expect(plan.steps.map((step) => step.owner?.uid ?? null)).toEqual(
      plan.steps.map((step) => (step.service === null ? null : uidOf('default/web'))),
    );
    const ledger = plan.steps.find(
      (step) => step.layer === 'netfilter' && 'set' in step.change && step.change.set === 'ledger4',
    );
    expect(ledger?.change).toMatchObject({ comment: uidOf('default/web') });
    expect(plan.ours).toEqual(new Map([[WEB, { owner: web.owner, masquerade: true, silent: false }]]));
    expect(plan.vips.has('10.0.0.1')).toBe(true);
    expect(plan.vips.size).toBe(1);
    expect([...plan.conflicts, ...plan.held]).toEqual([]);
  });

  it('takes away in the reverse order: VIP, service, netfilter', async () => {
    const kernel = await serving([web]);
    const plan = await look(kernel, desired());
    expect(plan.steps.map(stepLine)).toEqual([
      'link delete-address 10.0.0.1',
      `ipvs delete-service ${WEB}`,
      'nft -vip4 10.0.0.1',
      `nft -svc4 ${ELEMENT}`,
      `nft -masq4 ${ELEMENT}`,
      `nft -ledger4 ${ELEMENT}`,
    ]);
    expect(plan.steps.every((step) => step.removes)).toBe(true);
    expect(plan.steps.map((step) => step.service)).toEqual([null, WEB, null, WEB, WEB, WEB]);
    expect(plan.steps.map((step) => step.owner?.name ?? null)).toEqual([
      null,
      'default/web',
      null,
      'default/web',
      'default/web',
      'default/web',
    ]);
    expect(plan.ours.size).toBe(0);
  });

  it('removes before it adds when one service replaces another', async () => {
    const kernel = await serving([web]);
    expect(await lines(kernel, desired([dns]))).toEqual([
      'link delete-address 10.0.0.1',
      `ipvs delete-service ${WEB}`,
      'nft -vip4 10.0.0.1',
      `nft -svc4 ${ELEMENT}`,
      `nft -masq4 ${ELEMENT}`,
      `nft -ledger4 ${ELEMENT}`,
      'nft +vip4 10.0.0.2',
      'nft +svc4 10.0.0.2 . udp . 53',
      'nft +ledger4 10.0.0.2 . udp . 53',
      `ipvs new-service ${DNS} wlc`,
      `ipvs new-destination ${DNS} > 10.1.0.1:53*1`,
      'link add-address 10.0.0.2',
    ]);
  });

  it('serves IPv6 with its own sets and a whole address', async () => {
    const plan = await look(memoryKernel(), desired([six]));
    expect(plan.steps.map(stepLine)).toEqual([
      'nft create-table',
      'nft +vip6 2001:db8::1',
      'nft +svc6 2001:db8::1 . tcp . 80',
      'nft +masq6 2001:db8::1 . tcp . 80',
      'nft +ledger6 2001:db8::1 . tcp . 80',
      `ipvs new-service ${SIX} wlc`,
      `ipvs new-destination ${SIX} > [2001:db8::2]:80*1`,
      'link create-dummy dummy-lvs',
      'link add-address 2001:db8::1',
    ]);
    expect(plan.steps.slice(2, 5).map((step) => step.service)).toEqual([SIX, SIX, SIX]);
    const kernel = await serving([six]);
    expect((await lines(kernel, desired())).slice(0, 2)).toEqual([
      'link delete-address 2001:db8::1',
      `ipvs delete-service ${SIX}`,
    ]);
    expect(await lines(kernel, desired([six]))).toEqual([]);
  });

  it('that serves by firewall mark writes no element for it', async () => {
    const mark = {
      ...web,
      service: { ...service(WEB), key: { family: 'ipv4', firewallMark: 7 } as const },
      destinations: [],
    };
    const wanted = { ...desired(), services: new Map([['mark/ipv4/7', mark]]) };
    expect(await lines(memoryKernel(), wanted)).toEqual(['ipvs new-service mark/ipv4/7 wlc']);
    const both = await look(memoryKernel(), {
      ...wanted,
      services: new Map([...wanted.services, ...desired([web]).services]),
    });
    expect(both.steps.at(-1)).toMatchObject({ service: WEB, owner: web.owner });
  });
});

describe('a change', () => {
  it.each([
    [
      'of a weight',
      desiredService(WEB, { '10.1.0.1:80': 5, '10.1.0.2:80': 2 }),
      [`ipvs set-destination ${WEB} > 10.1.0.1:80*5`],
      false,
    ],
    [
      'of the scheduler',
      desiredService(WEB, { '10.1.0.1:80': 1, '10.1.0.2:80': 2 }, { scheduler: 'rr' }),
      [`ipvs set-service ${WEB} rr`],
      false,
    ],
    ['of masquerading', { ...web, masquerade: false }, [`nft -masq4 ${ELEMENT}`], true],
    [
      'of a destination for another',
      desiredService(WEB, { '10.1.0.1:80': 1, '10.1.0.3:80': 2 }),
      [`ipvs new-destination ${WEB} > 10.1.0.3:80*2`, `ipvs delete-destination ${WEB} > 10.1.0.2:80`],
      true,
    ],
    [
      'of the object behind it',
      { ...web, owner: { uid: uidOf('default/other'), name: 'default/other' } },
      [`nft -ledger4 ${ELEMENT}`, `nft +ledger4 ${ELEMENT}`],
      false,
    ],
    ['of nothing', web, [], false],
  ])('%s is made in place', async (_what, changed, expected, removes) => {
    const plan = await look(await serving([web]), desired([changed]));
    expect(plan.steps.map(stepLine)).toEqual(expected);
    expect(plan.steps.some((step) => step.removes)).toBe(removes);
    expect(plan.ours.get(WEB)).toEqual({ owner: changed.owner, masquerade: changed.masquerade, silent: false });
  });

  it('adds masquerading for a service that had none', async () => {
    expect(await lines(await serving([dns]), desired([{ ...dns, masquerade: true }]))).toEqual([
      'nft +masq4 10.0.0.2 . udp . 53',
    ]);
  });
});

describe('a service of somebody else', () => {
  it('is never touched, and a VIP that it does not use is not bound for it', async () => {
    const kernel = memoryKernel();
    kernel.state.services.set(DNS, byHand(DNS));
    expect((await lines(kernel, desired([web]))).filter((line) => line.includes('10.0.0.2'))).toEqual([]);
    expect(await lines(kernel, desired())).toEqual([]);
  });

  it('that we want as well is a conflict and stays as it is', async () => {
    const kernel = memoryKernel();
    kernel.state.services.set(WEB, byHand(WEB));
    const plan = await look(kernel, desired([web]));
    expect(plan.steps).toEqual([]);
    expect(plan.conflicts).toEqual(new Set([WEB]));
    expect(plan.ours.size).toBe(0);
  });

  it('in conflict does not hold back the others', async () => {
    const kernel = memoryKernel();
    kernel.state.services.set(WEB, byHand(WEB));
    const plan = await look(kernel, desired([web, dns]));
    expect(plan.conflicts).toEqual(new Set([WEB]));
    expect(plan.steps.map(stepLine)).toContain(`ipvs new-service ${DNS} wlc`);
    expect(plan.steps.map(stepLine).filter((line) => line.includes('10.0.0.1 '))).toEqual([]);
  });

  it('on an address that we filter is let through', async () => {
    const kernel = memoryKernel();
    kernel.state.services.set('TCP/10.0.0.1:22', byHand('TCP/10.0.0.1:22'));
    const plan = await look(kernel, desired([web]));
    expect(plan.steps.map(stepLine)).toContain('nft +svc4 10.0.0.1 . tcp . 22');
    expect(plan.steps.map(stepLine)).not.toContain('nft +ledger4 10.0.0.1 . tcp . 22');
    expect(plan.steps.map(stepLine)).not.toContain('nft +masq4 10.0.0.1 . tcp . 22');
  });

  it('on an address of our device keeps the address after ours has gone', async () => {
    const kernel = await serving([web]);
    kernel.state.services.set('TCP/10.0.0.1:22', byHand('TCP/10.0.0.1:22'));
    expect(await lines(kernel, desired())).toEqual([
      `ipvs delete-service ${WEB}`,
      `nft -svc4 ${ELEMENT}`,
      `nft -masq4 ${ELEMENT}`,
      `nft -ledger4 ${ELEMENT}`,
      'nft +svc4 10.0.0.1 . tcp . 22',
    ]);
  });

  it('by firewall mark is not touched either', async () => {
    const kernel = await serving([web]);
    const mark = { ...byHand(WEB), service: { ...service(WEB), key: { family: 'ipv4', firewallMark: 7 } as const } };
    kernel.state.services.set('mark/ipv4/7', mark);
    expect(await lines(kernel, desired([web]))).toEqual([]);
  });
});

describe('an address that the node has by itself', () => {
  it('is neither bound nor filtered', async () => {
    const kernel = memoryKernel({ nodeAddresses: ['10.0.0.1', '2001:db8::1'] });
    const plan = await look(kernel, desired([web, six]));
    expect(plan.vips.size).toBe(0);
    expect(plan.steps.map(stepLine).filter((line) => line.includes('vip') || line.startsWith('link'))).toEqual([]);
    expect(plan.steps.map(stepLine)).toContain(`nft +svc4 ${ELEMENT}`);
    await bring(kernel, desired([web, six]));
    expect(kernel.state.links.map((entry) => entry.name)).toEqual(['lo', 'eth0']);
  });

  it('is no VIP any more when the node gets it later', async () => {
    const kernel = await serving([web]);
    kernel.state.addresses.push({ linkIndex: 2, family: 'ipv4', address: '10.0.0.1', prefixLength: 24 });
    expect(await lines(kernel, desired([web]))).toEqual(['link delete-address 10.0.0.1', 'nft -vip4 10.0.0.1']);
  });
});

describe('the device', () => {
  it('is used as it is when it is there', async () => {
    const kernel = memoryKernel();
    putDevice(kernel.state, ['10.0.0.1']);
    expect((await lines(kernel, desired([web, dns]))).filter((line) => line.startsWith('link'))).toEqual([
      'link add-address 10.0.0.2',
    ]);
  });

  it('is made again with all VIPs when it was deleted', async () => {
    const kernel = await serving([web, dns]);
    removeLink(kernel.state, 'dummy-lvs');
    expect(await lines(kernel, desired([web, dns]))).toEqual([
      'link create-dummy dummy-lvs',
      'link add-address 10.0.0.1',
      'link add-address 10.0.0.2',
    ]);
  });

  it('is bound for the first service of an address, and a set-up takes nothing away', async () => {
    const second = desiredService('TCP/10.0.0.1:81', {}, { name: 'default/second' });
    const plan = await look(memoryKernel(), desired([web, second]));
    expect(plan.steps.at(-1)).toMatchObject({ service: WEB, owner: web.owner, removes: false });
    const kernel = await serving([web]);
    setDown(kernel.state, 'dummy-lvs');
    expect((await look(kernel, desired([web]))).steps).toMatchObject([{ removes: false, change: { verb: 'set-up' } }]);
  });

  it('is set up when it is down, with the IPv6 addresses that it lost', async () => {
    const kernel = await serving([web, six]);
    setDown(kernel.state, 'dummy-lvs');
    expect(await lines(kernel, desired([web, six]))).toEqual(['link set-up dummy-lvs', 'link add-address 2001:db8::1']);
  });

  it('keeps the link-local address that the kernel gave it, and loses what nobody wants', async () => {
    const kernel = await serving([web]);
    for (const address of ['fe80::1234', 'febf::1'])
      kernel.state.addresses.push({ linkIndex: 7, family: 'ipv6', address, prefixLength: 64 });
    for (const address of ['fec0::1', 'fd00::fe80'])
      kernel.state.addresses.push({ linkIndex: 7, family: 'ipv6', address, prefixLength: 128 });
    expect(await lines(kernel, desired([web]))).toEqual([
      'link delete-address fec0::1',
      'link delete-address fd00::fe80',
    ]);
  });
});

describe('a table that was lost', () => {
  const restored = [
    'nft create-table',
    'nft +vip4 10.0.0.1',
    `nft +svc4 ${ELEMENT}`,
    `nft +masq4 ${ELEMENT}`,
    `nft +ledger4 ${ELEMENT}`,
  ];

  it('is put back whole with the witness, and nothing else is done', async () => {
    const kernel = await serving([web]);
    kernel.state.table = null;
    const plan = await look(kernel, desired([web]));
    expect(plan.steps.map(stepLine)).toEqual(restored);
    expect(plan.steps.some((step) => step.removes)).toBe(false);
  });

  it('is put back when it no longer has the shape', async () => {
    const kernel = await serving([web]);
    if (kernel.state.table !== null) kernel.state.table.shapeCurrent = false;
    expect(await lines(kernel, desired([web]))).toEqual(restored);
    expect(await lines(kernel, desired())).toEqual(restored);
  });

  it('comes back before anything leaves', async () => {
    const kernel = await serving([web]);
    kernel.state.table = null;
    const plan = await look(kernel, desired());
    expect(plan.steps.map(stepLine)).toEqual(restored);
    expect(plan.ours).toEqual(new Map([[WEB, { owner: web.owner, masquerade: true, silent: false }]]));
    await bring(kernel, desired());
    expect(kernel.state.services.size).toBe(0);
  });

  it.each([
    ['masqueraded', web, true],
    ['not masqueraded', { ...web, masquerade: false }, false],
  ])('remembers what was %s', async (_what, wanted, masquerade) => {
    const kernel = await serving([wanted]);
    kernel.state.table = null;
    const plan = await look(kernel, desired());
    expect(plan.steps.map(stepLine).includes(`nft +masq4 ${ELEMENT}`)).toBe(masquerade);
    expect(plan.ours.get(WEB)?.masquerade).toBe(masquerade);
  });

  it('binds no VIP for what the witness names and the kernel does not have', async () => {
    const kernel = await serving([web, dns]);
    kernel.state.table = null;
    kernel.state.services.delete(WEB);
    kernel.state.addresses = kernel.state.addresses.filter((entry) => entry.address !== '10.0.0.1');
    const steps = await lines(kernel, desired([dns]));
    expect(steps).toContain(`nft +ledger4 ${ELEMENT}`);
    expect(steps.filter((line) => line.endsWith('10.0.0.1'))).toEqual([]);
  });

  it('filters a bound VIP also when a look misses its service', async () => {
    const kernel = await serving([web]);
    kernel.state.table = null;
    kernel.state.services.delete(WEB);
    expect(await lines(kernel, desired())).toContain('nft +vip4 10.0.0.1');
  });

  it('leaves no VIP bound when nothing is ours any more', async () => {
    const kernel = await serving([web]);
    kernel.state.table = null;
    kernel.state.witness = null;
    kernel.state.services.clear();
    expect(await lines(kernel, desired())).toEqual(['link delete-address 10.0.0.1']);
  });

  it('puts back elements without comments, but those of the ledger', async () => {
    const kernel = memoryKernel();
    kernel.state.services.set('TCP/10.0.0.1:22', byHand('TCP/10.0.0.1:22'));
    const plan = await look(kernel, desired([web]));
    const comments = plan.steps.flatMap((step) =>
      step.layer === 'netfilter' && step.change.verb === 'add-element'
        ? [`${step.change.set} ${step.change.comment}`]
        : [],
    );
    expect(comments).toEqual(['vip4 ', 'svc4 ', 'svc4 ', 'masq4 ', `ledger4 ${uidOf('default/web')}`]);
  });

  it('names what is ours by the ledger alone by its uid', async () => {
    const kernel = await serving([web]);
    if (kernel.state.table !== null) kernel.state.table.shapeCurrent = false;
    kernel.state.witness = new Map();
    const plan = await look(kernel, desired());
    const uid = uidOf('default/web');
    expect(plan.ours).toEqual(
      new Map([[WEB, { owner: { uid, name: `object ${uid}` }, masquerade: true, silent: false }]]),
    );
  });

  it('together with the witness makes our services those of somebody else', async () => {
    const kernel = await serving([web]);
    kernel.state.table = null;
    kernel.state.witness = null;
    const plan = await look(kernel, desired([web]));
    expect(plan.conflicts).toEqual(new Set([WEB]));
    expect(plan.steps.filter((step) => step.layer === 'ipvs' || step.removes)).toEqual([]);
    expect((await look(kernel, desired())).steps.filter((step) => step.layer === 'ipvs' || step.removes)).toEqual([]);
  });

  it('without its sets loses the elements that it lacks only', async () => {
    const kernel = await serving([web, dns]);
    kernel.state.table?.elements.svc4.delete(ELEMENT);
    kernel.state.table?.elements.ledger4.delete(ELEMENT);
    expect(await lines(kernel, desired([web, dns]))).toEqual([`nft +svc4 ${ELEMENT}`, `nft +ledger4 ${ELEMENT}`]);
  });
});

describe('an IPVS table that was emptied', () => {
  it('is made again from the ledger', async () => {
    const kernel = await serving([web]);
    kernel.state.services.clear();
    expect(await lines(kernel, desired([web]))).toEqual([
      `ipvs new-service ${WEB} wlc`,
      `ipvs new-destination ${WEB} > 10.1.0.1:80*1`,
      `ipvs new-destination ${WEB} > 10.1.0.2:80*2`,
    ]);
  });

  it('leaves only the ledger and the VIP to remove', async () => {
    const kernel = await serving([web]);
    kernel.state.services.clear();
    expect((await lines(kernel, desired())).filter((line) => line.startsWith('ipvs'))).toEqual([]);
  });
});

describe('what cannot be seen at present', () => {
  it.each([
    ['everything', { all: true, uids: new Set<string>() }],
    ['what its object asked for', { all: false, uids: new Set([uidOf('default/web')]) }],
  ])('keeps %s', async (_what, retained) => {
    const plan = await look(await serving([web]), desired([], retained));
    expect(plan.steps).toEqual([]);
    expect(plan.ours).toEqual(new Map([[WEB, { owner: web.owner, masquerade: true, silent: false }]]));
    expect(plan.vips.has('10.0.0.1')).toBe(true);
    expect(plan.vips.size).toBe(1);
  });

  it('does not keep what other objects asked for', async () => {
    const kernel = await serving([web, dns]);
    const plan = await look(kernel, desired([], { all: false, uids: new Set([uidOf('default/web')]) }));
    expect(plan.steps.map(stepLine)).toEqual([
      'link delete-address 10.0.0.2',
      `ipvs delete-service ${DNS}`,
      'nft -vip4 10.0.0.2',
      'nft -svc4 10.0.0.2 . udp . 53',
      'nft -ledger4 10.0.0.2 . udp . 53',
    ]);
  });

  it('does not stand in the way of what can be seen', async () => {
    const kernel = await serving([web]);
    const changed = desiredService(WEB, { '10.1.0.1:80': 9, '10.1.0.2:80': 2 });
    expect(await lines(kernel, desired([changed], { all: true, uids: new Set() }))).toEqual([
      `ipvs set-destination ${WEB} > 10.1.0.1:80*9`,
    ]);
  });

  it('is named by its uid when the witness is lost', async () => {
    const kernel = await serving([{ ...web, masquerade: false }]);
    kernel.state.witness = null;
    const plan = await look(kernel, desired([], { all: true, uids: new Set() }));
    const uid = uidOf('default/web');
    expect(plan.ours).toEqual(
      new Map([[WEB, { owner: { uid, name: `object ${uid}` }, masquerade: false, silent: false }]]),
    );
    const removal = await look(kernel, desired());
    expect(removal.steps.map((step) => step.owner?.name ?? null)).toEqual([null, `object ${uid}`, null, null, null]);
  });
});

describe('a kernel setting that is wrong', () => {
  it.each([
    ['net.ipv4.vs.conntrack', [WEB, SIX]],
    ['net.ipv4.ip_forward', [WEB]],
    ['net.ipv6.conf.all.forwarding', [SIX]],
    ['net.ipv4.vs.expire_nodest_conn', []],
  ])('holds new services of its family: %s', async (name, held) => {
    const kernel = memoryKernel();
    kernel.state.wrongSettings = [wrong(name)];
    const plan = await look(kernel, desired([web, six]));
    expect(plan.held).toEqual(new Set(held));
    const made = plan.steps.map(stepLine).filter((line) => line.startsWith('ipvs new-service'));
    expect(made).toEqual([WEB, SIX].filter((key) => !held.includes(key)).map((key) => `ipvs new-service ${key} wlc`));
  });

  it('lets what is served go on, with its changes', async () => {
    const kernel = await serving([web]);
    kernel.state.wrongSettings = [wrong('net.ipv4.vs.conntrack')];
    const plan = await look(kernel, desired([desiredService(WEB, { '10.1.0.1:80': 4, '10.1.0.2:80': 2 })]));
    expect(plan.held.size).toBe(0);
    expect(plan.steps.map(stepLine)).toEqual([`ipvs set-destination ${WEB} > 10.1.0.1:80*4`]);
  });

  it('holds what somebody emptied, and what somebody else has is a conflict first', async () => {
    const kernel = await serving([web]);
    kernel.state.services.clear();
    kernel.state.wrongSettings = [wrong('net.ipv4.vs.conntrack')];
    expect((await look(kernel, desired([web]))).held).toEqual(new Set([WEB]));
    kernel.state.services.set(DNS, byHand(DNS));
    expect((await look(kernel, desired([dns]))).conflicts).toEqual(new Set([DNS]));
  });
});

describe('what is not permitted', () => {
  it('is not made, and is not taken from an object that has it', async () => {
    const refused = { ...web, refused: true };
    expect((await look(memoryKernel({}), desired([refused]))).steps).toEqual([]);
    expect((await look(await serving([web]), desired([refused]))).steps).toEqual([]);
    const changed = desired([{ ...refused, destinations: [] }]);
    const plan = await look(await serving([web]), changed);
    expect(plan.steps.map((step) => step.layer)).toEqual(['ipvs', 'ipvs']);
    const other = { uid: uidOf('default/other'), name: 'default/other' };
    expect([...(await look(await serving([web]), desired([{ ...refused, owner: other }]))).ours.keys()]).toEqual([]);
  });

  it('of destinations stays where it is, and is not made', async () => {
    const text = '10.1.0.1:80';
    const refused = { ...web, refusedDestinations: new Set([text]) };
    expect((await look(await serving([web]), desired([refused]))).steps).toEqual([]);
    const fresh = await look(memoryKernel({}), desired([refused]));
    const made = fresh.steps.map(stepLine).filter((line) => line.includes('ipvs'));
    expect(made.filter((line) => line.includes(text))).toEqual([]);
    expect(fresh.steps.filter((step) => step.layer === 'ipvs')).toHaveLength(web.destinations.length);
  });
});

describe('a silent VIP', () => {
  const silentOf = (plan: Awaited<ReturnType<typeof look>>): string[] =>
    plan.steps.map(stepLine).filter((line) => line.includes('silent4'));

  it('is named in the table for ARP before it is bound, and only when it is a VIP of its own', async () => {
    const address = web.service.key as { readonly address: string };
    const wanted = { ...desired([web]), silent: new Set([address.address, '203.0.113.1']) };
    const plan = await look(memoryKernel({}), wanted);
    expect(silentOf(plan)).toEqual([`nft +silent4 ${address.address}`]);
    const layers = plan.steps.map(({ layer }) => layer);
    expect(layers.lastIndexOf('netfilter')).toBeLessThan(layers.lastIndexOf('link'));
    expect(silentOf(await look(memoryKernel({ nodeAddresses: [address.address] }), wanted))).toEqual([]);
    expect(silentOf(await look(await serving([web]), wanted))).toEqual([`nft +silent4 ${address.address}`]);
  });
});
