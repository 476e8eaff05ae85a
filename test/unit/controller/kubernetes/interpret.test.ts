/** What the objects of a cluster say, given what they said before: no edit and no policy takes away what was accepted. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  interpretObjects,
  type Interpretation,
  type KnownKinds,
} from '../../../../src/controller/kubernetes/interpret.ts';
import { learn } from '../../../../src/controller/kubernetes/known.ts';
import { clusterMemoryText, parseClusterMemory } from '../../../../src/controller/kubernetes/memory.ts';
import type { Site } from '../../../../src/controller/site.ts';
import { trustedRanges } from '../../../../src/net/ranges.ts';
import { apiItem, shown } from '../../../support/known.ts';
import { realServerObject, virtualServiceObject } from '../../../support/objects.ts';
import { node, NODES, site } from '../../../support/site.ts';

const VIP = '192.168.112.200';
const NOTHING: KnownKinds = { virtualServices: new Map(), realServers: new Map() };
const UNKNOWN = { kind: 'unknown', why: '' } as const;

type Item = ReturnType<typeof apiItem>;
interface Shown {
  readonly services?: readonly Item[];
  readonly servers?: readonly Item[];
  readonly at?: Site;
}

const web = (spec: object = {}, generation = 1): Item =>
  apiItem(virtualServiceObject({ addresses: [VIP], ...spec }), { generation });

function interpret(before: KnownKinds, { services = [], servers = [], at = site('a') }: Shown): Interpretation {
  return interpretObjects(
    {
      virtualServices: learn(before.virtualServices, shown(...services), [], UNKNOWN),
      realServers: learn(before.realServers, shown(...servers), [], UNKNOWN),
    },
    at,
  );
}

const inForce = ({ objects }: Interpretation): object[] =>
  objects.map(({ object, generation, refused }) => ({
    name: object.metadata.name,
    ...(object.kind === 'VirtualService' ? { address: object.spec.addresses[0] } : {}),
    generation,
    refused,
  }));
const reasons = ({ problems }: Interpretation): string[] => problems.map(({ reason }) => reason);

describe('an object', () => {
  it('that is valid is in force with its generation', () => {
    const read = interpret(NOTHING, { services: [web({}, 3)], servers: [apiItem(realServerObject('rs', {}))] });
    expect(inForce(read)).toEqual([
      { name: 'rs', generation: 1, refused: false },
      { name: 'web', address: VIP, generation: 3, refused: false },
    ]);
    expect([read.problems, read.retained.uids.size]).toEqual([[], 0]);
    expect(read.judged).toEqual(
      new Map([
        ['uid-web', 3],
        ['uid-rs', 1],
      ]),
    );
  });

  it('that becomes invalid stays as it was, and says so', () => {
    const first = interpret(NOTHING, { services: [web()] });
    const second = interpret(first.known, { services: [web({ scheduler: 'fastest' }, 2)] });
    expect(inForce(second)).toEqual([{ name: 'web', address: VIP, generation: 1, refused: false }]);
    expect(second.problems).toMatchObject([{ reason: 'Invalid', object: 'VirtualService default/web' }]);
    const third = interpret(second.known, { services: [web({ scheduler: 'lc' }, 3)] });
    expect([inForce(third), third.problems]).toMatchObject([[{ generation: 3 }], []]);
  });

  it('that was never valid is not in force, and what the kernel has of it stays', () => {
    const read = interpret(NOTHING, {
      services: [web({ scheduler: 'fastest' }), apiItem(virtualServiceObject({}, { name: 'good' }))],
    });
    expect(inForce(read)).toMatchObject([{ name: 'good' }]);
    expect([...read.retained.uids]).toEqual(['uid-web']);
    expect(reasons(read)).toEqual(['Invalid']);
  });

  it('of another version of the API is not understood', () => {
    const strange = { ...virtualServiceObject({}), apiVersion: 'lvs-director.io/v9' };
    expect(reasons(interpret(NOTHING, { services: [apiItem(strange)] }))).toEqual(['UnknownKind']);
    const foreign = { ...virtualServiceObject({}), apiVersion: 'example.org/v1' };
    expect(reasons(interpret(NOTHING, { services: [apiItem(foreign)] }))).toEqual(['UnknownKind']);
  });

  it('with a field that is not known is in force, with a warning', () => {
    const read = interpret(NOTHING, { services: [web({ colour: 'blue' })] });
    expect(inForce(read)).toMatchObject([{ name: 'web', refused: false }]);
    expect(read.problems).toMatchObject([{ reason: 'UnknownField', field: 'spec.colour' }]);
  });

  it('that vanished without a deletion stays in force, and is not judged', () => {
    const first = interpret(NOTHING, { services: [web()] });
    const virtualServices = learn(first.known.virtualServices, shown(), ['default/web'], UNKNOWN);
    const second = interpretObjects({ ...first.known, virtualServices }, site('a'));
    expect(inForce(second)).toEqual(inForce(first));
    expect(second.judged.size).toBe(0);
  });
});

describe('a VIP', () => {
  it.each([
    ['203.0.113.1', 'AddressNotAllowed'],
    ['10.96.0.7', 'AddressReserved'],
    ['10.244.0.7', 'AddressReserved'],
    ['192.168.112.9', 'AddressReserved'],
  ])('%s that was never accepted is in force as refused: %s', (address, reason) => {
    const read = interpret(NOTHING, { services: [web({ addresses: [address] })] });
    expect(inForce(read)).toEqual([{ name: 'web', address, generation: 1, refused: true }]);
    expect(read.problems).toMatchObject([{ reason, object: 'VirtualService default/web', field: 'spec.addresses' }]);
  });

  it('of a Node that is no director is NotHere, that of a director is not', () => {
    const nodes = { ...NODES, c: { labels: {}, addresses: ['192.168.112.160'] } };
    const at = site('a', nodes);
    expect(reasons(interpret(NOTHING, { services: [web({ addresses: ['192.168.112.160'] })], at }))).toEqual([
      'NotHere',
    ]);
    expect(reasons(interpret(NOTHING, { services: [web({ addresses: ['192.168.112.151'] })], at }))).toEqual([]);
    // One address that can be served is enough.
    const both = web({ addresses: ['192.168.112.160', VIP] });
    expect(reasons(interpret(NOTHING, { services: [both], at }))).toEqual([]);
    // Without any director it is not the address that is wrong.
    const none = site('c', { c: { labels: {}, addresses: [VIP] } });
    expect(reasons(interpret(NOTHING, { services: [web()], at: none }))).toEqual([]);
  });

  it('that is changed to one that is not allowed stays what it was', () => {
    const first = interpret(NOTHING, { services: [web()] });
    const second = interpret(first.known, { services: [web({ addresses: ['203.0.113.1'] }, 2)] });
    expect(inForce(second)).toEqual([{ name: 'web', address: VIP, generation: 1, refused: false }]);
    expect(reasons(second)).toEqual(['AddressNotAllowed']);
  });

  it('that is not allowed any more stays in force, and nothing new is made of it', () => {
    const first = interpret(NOTHING, { services: [web()] });
    const stricter = site('a', NODES, { allowAddresses: trustedRanges([]) });
    const second = interpret(first.known, { services: [web()], at: stricter });
    expect(inForce(second)).toEqual([{ name: 'web', address: VIP, generation: 1, refused: true }]);
    expect(reasons(second)).toEqual(['AddressNotAllowed']);
    // An edit meanwhile is not accepted.
    const third = interpret(second.known, { services: [web({ scheduler: 'lc' }, 2)], at: stricter });
    expect(inForce(third)).toMatchObject([{ generation: 1, refused: true }]);
    expect(inForce(interpret(third.known, { services: [web({ scheduler: 'lc' }, 2)] }))).toMatchObject([
      { generation: 2, refused: false },
    ]);
  });

  it('of a label that a director loses is refused, as no other can serve it', () => {
    const nodes = { ...NODES, a: { ...node('192.168.112.151'), labels: {} } };
    const own = web({ addresses: ['192.168.112.151'] });
    const first = interpret(NOTHING, { services: [own] });
    expect(reasons(interpret(first.known, { services: [own], at: site('b', nodes) }))).toEqual(['NotHere']);
  });
});

describe('memory', () => {
  const SERVER = 'https://192.0.2.1:6443/';
  const first = interpret(NOTHING, {
    services: [web(), apiItem(virtualServiceObject({ scheduler: 'fastest' }, { name: 'never' }))],
    servers: [apiItem(realServerObject('rs', {}))],
  });

  it('brings back what was accepted, and nothing else', () => {
    const back = parseClusterMemory(clusterMemoryText(first.known, SERVER), SERVER);
    expect([[...back.virtualServices.keys()], [...back.realServers.keys()]]).toEqual([['default/web'], ['default/rs']]);
    const second = interpret(back, {
      services: [web({ scheduler: 'fastest' }, 2)],
      servers: [apiItem(realServerObject('rs', { port: 99_999 }), { generation: 2 })],
    });
    expect(inForce(second)).toMatchObject([
      { name: 'rs', generation: 1 },
      { name: 'web', generation: 1 },
    ]);
  });

  it('knows when objects were made, so that those are held whose kind was made anew', () => {
    const back = parseClusterMemory(clusterMemoryText(first.known, SERVER), SERVER);
    const anew = { kind: 'alive', created: '2026-01-01T00:01:00Z' } as const;
    expect(learn(back.virtualServices, shown(), ['default/web'], anew).get('default/web')?.held).toBe(true);
  });

  it('of another API server, or a damaged one, is none', () => {
    const text = clusterMemoryText(first.known, SERVER);
    for (const [damaged, server] of [
      [text, 'https://192.0.2.2:6443/'],
      [text.slice(0, -20), SERVER],
      ['{}', SERVER],
      ['', SERVER],
    ] as const) {
      expect(parseClusterMemory(damaged, server).virtualServices.size).toBe(0);
    }
  });

  it('leaves out what this version would not accept', () => {
    const text = clusterMemoryText(first.known, SERVER).replace(/"scheduler":"\w+"/, '"scheduler":"fastest"');
    const back = parseClusterMemory(text, SERVER);
    expect([back.virtualServices.size, back.realServers.size]).toEqual([0, 1]);
  });
});

it('whatever becomes of an object, the newest state that was accepted is in force', () => {
  const edits = {
    good: { spec: { scheduler: 'lc' }, accepted: true },
    other: { spec: { addresses: ['192.168.112.201'] }, accepted: true },
    invalid: { spec: { scheduler: 'fastest' }, accepted: false },
    forbidden: { spec: { addresses: ['203.0.113.1'] }, accepted: false },
    reserved: { spec: { addresses: ['10.96.0.7'] }, accepted: false },
  } as const;
  const names = Object.keys(edits) as (keyof typeof edits)[];
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom(...names), fc.boolean()), { minLength: 1, maxLength: 12 }),
      (steps) => {
        let known = NOTHING;
        let newest: number | null = null;
        for (const [index, [name, restarts]] of steps.entries()) {
          const generation = index + 1;
          if (restarts) known = parseClusterMemory(clusterMemoryText(known, 'x'), 'x');
          const read = interpret(known, { services: [web(edits[name].spec, generation)] });
          ({ known } = read);
          if (edits[name].accepted) newest = generation;
          expect(read.problems.length > 0).toBe(!edits[name].accepted);
          const [served] = read.objects;
          if (newest !== null) expect(served).toMatchObject({ generation: newest, refused: false });
          else if (served !== undefined) expect(served.refused).toBe(true);
          else expect([...read.retained.uids]).toEqual(['uid-web']);
        }
      },
    ),
  );
});
