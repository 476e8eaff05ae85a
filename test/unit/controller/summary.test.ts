/** What all directors together make of the objects. */
import { describe, expect, it } from 'vitest';
import { type DirectorView, GRACE_MS, summarise } from '../../../src/controller/summary.ts';
import { virtualServiceStatus, type VirtualServiceStatus } from '../../../src/crd/status.ts';
import { realServerObject, virtualServiceObject } from '../../support/objects.ts';
import { node, NODES } from '../../support/site.ts';
import {
  type AnyStatus,
  changeOf,
  conditionText,
  directorView,
  exception,
  type Given,
  LATER,
  NOW,
  type Situation,
  slice,
  summaryInput,
  summaryOf,
  VIP,
} from '../../support/summing.ts';

const web = (spec: object = {}, name = 'web') => virtualServiceObject({ addresses: [VIP], ...spec }, { name });
const rs = (spec: object = {}) => realServerObject('rs', { address: '192.168.112.153', port: 10_000, ...spec });
const invalid = web({ ports: [{ port: 0 }] });

const BOTH: Readonly<Record<string, DirectorView>> = { a: directorView(), b: directorView() };
const KERNEL = 'the kernel does not want it';
const failing = (message = KERNEL, data = web()) =>
  directorView({ exceptions: [exception(data, 'KernelRefused', message)] });

/** The status that web gets beside a RealServer, or null when nothing is written. */
const served = (directors: Situation['directors'], more: Partial<Situation> = {}): VirtualServiceStatus | null =>
  changeOf(
    summaryOf({ objects: [web(), rs()], ...(directors === undefined ? {} : { directors }), ...more }),
    'VirtualService',
    'web',
  );
const programmed = (directors: Situation['directors'], more: Partial<Situation> = {}): string | undefined =>
  conditionText(served(directors, more), 'Programmed');
const announced = (objects: Situation['objects'], more: Partial<Situation> = {}): string | undefined =>
  conditionText(served(BOTH, { objects, ...more }), 'Announced');
const realServer = (situation: Situation): AnyStatus | null => changeOf(summaryOf(situation), 'RealServer', 'rs');
/** `TYPE STATUS REASON`, without the message. */
const short = (status: AnyStatus | null): string[] =>
  (status?.conditions ?? []).map((condition) => `${condition.type} ${condition.status} ${condition.reason}`);
const generations = (status: AnyStatus | null): (number | undefined)[] =>
  (status?.conditions ?? []).map((condition) => condition.observedGeneration);

const HAS_IT = 'Programmed True Programmed: The kernel of every director that should have it has it.';

describe('a VirtualService that every director has', () => {
  it('has every condition true but Announced, its addresses, back ends and directors', () => {
    expect(served(BOTH)).toEqual({
      addresses: [VIP],
      conditions: [
        ...[
          { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'The object is valid.' },
          { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: 'Every back end was found.' },
          {
            type: 'Programmed',
            status: 'True',
            reason: 'Programmed',
            message: 'The kernel of every director that should have it has it.',
          },
        ].map((condition) => ({ ...condition, observedGeneration: 1, lastTransitionTime: NOW })),
        expect.objectContaining({ type: 'Announced', status: 'False', reason: 'SeveralDirectors' }),
      ],
      backends: { total: 1, healthy: 1 },
      directors: { programmed: 2, total: 2 },
    });
  });

  it('counts back ends that take no new connections, and none that are not allowed', () => {
    const objects = [
      web(),
      rs(),
      realServerObject('drained', { address: '192.168.112.154', weight: 0 }),
      realServerObject('pod', { address: '10.244.0.1' }),
    ];
    expect(served(BOTH, { objects })?.backends).toEqual({ total: 2, healthy: 1 });
  });

  it('has its addresses in canonical spelling', () => {
    const objects = [web({ addresses: ['FD00:0::0200', VIP] }), rs()];
    expect(served(BOTH, { objects })?.addresses).toEqual(['fd00::200', VIP]);
  });
});

describe('Programmed', () => {
  it('is true only when every live director followed the version at which the generation was first seen', () => {
    const at = (upTo: string) => programmed({ a: directorView(), b: directorView({ upTo }) });
    expect(at('100')).toBe(HAS_IT);
    expect(at('99')).toBe('Programmed Unknown DirectorsUnknown: Not reported yet: b.');
    expect(programmed({ a: directorView(), b: directorView({ silent: true }) })).toBe(
      'Programmed Unknown DirectorsUnknown: Not reported yet: b.',
    );
    // Its Lease may be ahead of what it says.
    const ahead = { ...directorView({ silent: true }), followed: () => true };
    expect(programmed({ a: directorView(), b: ahead })).toMatch(/^Programmed Unknown DirectorsUnknown/);
    const edited = (since: string) =>
      programmed({ a: directorView({ upTo: '150' }) }, { objects: [{ data: web(), since }, rs()] });
    expect([edited('150'), edited('151')]).toEqual([HAS_IT, expect.stringContaining('Not reported yet: a.')]);
  });

  it('asks the directors that the labels match, and no others', () => {
    const objects = [web({ directors: { nodeSelector: { rack: '1' } } }), rs()];
    expect(programmed({ a: directorView(), b: failing() }, { objects })).toBe(HAS_IT);
    expect(served({ a: directorView(), b: failing() }, { objects })?.directors).toEqual({ programmed: 1, total: 1 });
    expect(programmed({ a: failing(), b: directorView() }, { objects })).toMatch(/^Programmed False/);
    const nodes = { ...NODES, worker: { labels: { rack: '1' }, addresses: ['192.168.112.160'] } };
    expect(served({ ...BOTH, worker: failing() }, { nodes })?.directors).toEqual({ programmed: 2, total: 2 });
  });

  it('asks of an address that is a director’s own that director alone', () => {
    const objects = [web({ addresses: ['192.168.112.151'] }), rs()];
    const status = served({ a: directorView() }, { objects });
    expect(short(status)).toContain('Programmed True Programmed');
    expect(status?.directors).toEqual({ programmed: 1, total: 1 });
    expect(conditionText(status, 'Announced')).toMatch(/^Announced True Announced/);
  });

  it('does not ask who says that the address is another’s', () => {
    const elsewhere = directorView({ exceptions: [exception(web(), 'NotHere')] });
    expect(served({ a: directorView(), b: elsewhere })?.directors).toEqual({ programmed: 1, total: 1 });
    expect(programmed({ a: directorView(), b: elsewhere })).toBe(HAS_IT);
    expect(programmed({ a: elsewhere, b: elsewhere })).toBe(
      'Programmed False NotHere: No director can serve its addresses.',
    );
  });

  it('counts a dead director, and does not wait for it', () => {
    for (const dead of [directorView({ live: false, upTo: '1' }), { ...failing(), live: false }]) {
      expect(programmed({ a: directorView(), b: dead })).toBe(HAS_IT);
      expect(served({ a: directorView(), b: dead })?.directors).toEqual({ programmed: 1, total: 2 });
    }
    expect(served({ a: directorView() })?.directors).toEqual({ programmed: 1, total: 2 });
  });

  it('is unknown when no director is alive, and names them', () => {
    const dead = directorView({ live: false });
    const text = 'Programmed Unknown DirectorsUnknown: None of its directors is alive: a, b.';
    expect([programmed({ a: dead, b: dead }), programmed({})]).toEqual([text, text]);
    const status = served({ a: dead, b: dead });
    expect(status?.directors).toEqual({ programmed: 0, total: 2 });
    expect(short(status)).toContain('Announced Unknown Pending');
  });

  it('names five directors at most', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const nodes = Object.fromEntries(names.map((name, index) => [name, node(`192.168.112.${index + 1}`)]));
    expect(programmed({}, { nodes })).toMatch(/alive: a, b, c, d, e and 2 more\.$/);
  });

  it('is false at once with the reason of a director that fails, even while another is pending', () => {
    const early = { nowMs: 1 };
    const text = `Programmed False KernelRefused: b: ${KERNEL}`;
    expect(programmed({ a: directorView(), b: failing() }, early)).toBe(text);
    expect(programmed({ a: directorView({ upTo: '99' }), b: failing() }, early)).toBe(text);
    expect(served({ a: directorView(), b: failing() })?.directors).toEqual({ programmed: 1, total: 2 });
  });

  it('names the directors of each message', () => {
    expect(programmed({ a: failing(), b: failing() })).toBe(`Programmed False KernelRefused: a, b: ${KERNEL}`);
    expect(programmed({ a: failing('this'), b: failing('that') })).toBe(
      'Programmed False KernelRefused: a: this b: that',
    );
  });

  it('takes no exception from before the change for one about it', () => {
    const stale = directorView({ upTo: '99', exceptions: [exception(web(), 'KernelRefused')] });
    expect(programmed({ a: directorView(), b: stale })).toMatch(/^Programmed Unknown DirectorsUnknown/);
  });

  it('does not care about exceptions of other objects', () => {
    expect(programmed({ a: directorView(), b: failing(KERNEL, web({}, 'other')) })).toBe(HAS_IT);
  });

  it('is unknown when a director has more exceptions than it can tell, unless it tells one of this object', () => {
    expect(programmed({ a: directorView(), b: directorView({ truncated: 1 }) })).toBe(
      'Programmed Unknown DirectorsUnknown: Not reported yet: b.',
    );
    const told = directorView({ truncated: 1, exceptions: [exception(web(), 'KernelRefused')] });
    expect(programmed({ a: directorView(), b: told })).toMatch(/^Programmed False KernelRefused/);
  });

  it('is false when all that it asks for belongs to others', () => {
    const status = served(BOTH, { objects: [web({}, 'first'), web(), rs()] });
    expect(short(status)).toEqual([
      'Accepted False Conflict',
      'ResolvedRefs True ResolvedRefs',
      'Programmed False Conflict',
      'Announced False SeveralDirectors',
    ]);
  });

  it('is false when no Node is a director', () => {
    const nodes = { a: { labels: {}, addresses: ['192.168.112.151'] } };
    const status = served({}, { nodes });
    expect(short(status)).toEqual([
      'Accepted False NoDirector',
      'ResolvedRefs True ResolvedRefs',
      'Programmed False NoDirector',
      'Announced False NotAnnounced',
    ]);
    expect(status?.directors).toEqual({ programmed: 0, total: 0 });
  });
});

describe('a director that has not reported yet', () => {
  const pending = { a: directorView(), b: directorView({ upTo: '99' }) };
  const seenMs = 50_000;
  const at = (directors: Situation['directors'], afterMs: number, given: Partial<Given> = {}) =>
    summaryOf({
      objects: [{ data: web(), seenMs, ...given }],
      nowMs: seenMs + afterMs,
      ...(directors === undefined ? {} : { directors }),
    });

  it('has some time for it, in which nothing is written', () => {
    expect(at(pending, 0)).toEqual({ changes: [], againMs: GRACE_MS });
    expect(at(pending, GRACE_MS - 1)).toEqual({ changes: [], againMs: 1 });
    const status = changeOf(at(pending, GRACE_MS), 'VirtualService', 'web');
    expect(conditionText(status, 'Programmed')).toBe('Programmed Unknown DirectorsUnknown: Not reported yet: b.');
    expect(at(pending, GRACE_MS).againMs).toBeNull();
  });

  it('has it while what was written before says otherwise, too', () => {
    const status = served(BOTH);
    const edited = { generation: 2, since: '150', status };
    const late = { a: directorView({ upTo: '150' }), b: directorView({ upTo: '149' }) };
    expect(at(late, GRACE_MS - 1, edited)).toEqual({ changes: [], againMs: 1 });
    expect(short(changeOf(at(late, GRACE_MS, edited), 'VirtualService', 'web'))).toContain(
      'Programmed Unknown DirectorsUnknown',
    );
  });

  it('has it again when it has just come alive', () => {
    const come = (liveSinceMs: number) => ({ a: directorView(), b: directorView({ upTo: '99', liveSinceMs }) });
    expect(at(come(seenMs + 90_000), 90_000 + GRACE_MS - 1)).toEqual({ changes: [], againMs: 1 });
    expect(at(come(seenMs + 90_000), 90_000 + GRACE_MS).changes).toHaveLength(1);
    const silent = { a: directorView(), b: directorView({ silent: true, liveSinceMs: seenMs }) };
    expect(at(silent, 1).changes).toEqual([]);
  });

  it('is waited for as well when it says itself that the kernel does not have it yet', () => {
    const soon = { a: directorView(), b: directorView({ exceptions: [exception(web(), 'Pending')] }) };
    expect(at(soon, GRACE_MS - 1)).toEqual({ changes: [], againMs: 1 });
    expect(short(changeOf(at(soon, GRACE_MS), 'VirtualService', 'web'))).toContain(
      'Programmed Unknown DirectorsUnknown',
    );
  });

  it('gives no time to those that have more exceptions than they can tell, or that are dead', () => {
    expect(at({ a: directorView(), b: directorView({ truncated: 3 }) }, 0).changes).toHaveLength(1);
    expect(at({}, 0).changes).toHaveLength(1);
  });

  it('brings one back as soon as the first of several objects has waited long enough', () => {
    const objects = [
      { data: web(), seenMs: 0 },
      { data: web({ ports: [{ port: 82 }] }, 'second'), seenMs: 4_000 },
    ];
    expect(summaryOf({ objects, directors: pending, nowMs: 5_000 })).toEqual({
      changes: [],
      againMs: GRACE_MS - 5_000,
    });
  });
});

describe('an object that is edited to something invalid', () => {
  const good = { data: web(), generation: 1 };
  const edited: Given = { data: invalid, generation: 2, since: '150', seenMs: 50_000, good };
  const before = served(BOTH);
  const sum = (given: Given, upTo: string, nowMs: number, now = NOW) =>
    summaryOf({
      objects: [given, rs()],
      directors: { a: directorView({ upTo }), b: directorView({ upTo }) },
      nowMs,
      now,
    });

  it('is not accepted in its new generation, and programmed in its old one', () => {
    const status = changeOf(sum({ ...edited, status: before }, '150', 50_000), 'VirtualService', 'web');
    expect(short(status).slice(0, 3)).toEqual([
      'Accepted False Invalid',
      'ResolvedRefs True ResolvedRefs',
      'Programmed True Programmed',
    ]);
    expect(generations(status)).toEqual([2, 1, 1, 1]);
    expect(conditionText(status, 'Accepted')).toMatch(/What was accepted before is still served\.$/);
    expect(status).toMatchObject({ addresses: [VIP], directors: { programmed: 2, total: 2 } });
  });

  it('is told so at once; what directors have, when they have said so', () => {
    const summary = sum({ ...edited, status: before }, '149', 50_000 + 1_000, LATER);
    const status = changeOf(summary, 'VirtualService', 'web');
    expect(short(status)).toEqual([
      'Accepted False Invalid',
      'ResolvedRefs True ResolvedRefs',
      'Programmed True Programmed',
      'Announced False SeveralDirectors',
    ]);
    expect(status?.conditions.map((condition) => condition.lastTransitionTime)).toEqual([LATER, NOW, NOW, NOW]);
    expect(status).toMatchObject({ directors: { programmed: 2, total: 2 } });
    expect(summary.againMs).toBe(GRACE_MS - 1_000);
    const late = changeOf(sum({ ...edited, status }, '149', 50_000 + GRACE_MS), 'VirtualService', 'web');
    expect(short(late)).toContain('Programmed Unknown DirectorsUnknown');
  });

  it('waits for the directors when nothing was said about it before', () => {
    expect(sum(edited, '149', 50_000)).toMatchObject({ againMs: GRACE_MS });
    expect(changeOf(sum(edited, '149', 50_000), 'VirtualService', 'web')).toBeNull();
  });
});

describe('an object that was never accepted', () => {
  it('is neither accepted nor programmed, for the reason that its problem has', () => {
    const status = served(BOTH, { objects: [{ data: invalid, generation: 3 }] });
    expect(short(status)).toEqual([
      'Accepted False Invalid',
      'ResolvedRefs Unknown Invalid',
      'Programmed False Invalid',
      'Announced False NotAnnounced',
    ]);
    expect(generations(status)).toEqual([3, 3, 3, 3]);
    expect(Object.keys(status ?? {})).toEqual(['conditions']);
    expect(conditionText(status, 'Accepted')).toMatch(/0 is no port/);
  });

  it('that is not permitted is compiled, and directors say that they do not make it', () => {
    const forbidden = web({ addresses: ['203.0.113.1'] });
    const refused = directorView({ exceptions: [exception(forbidden, 'AddressNotAllowed', 'no')] });
    const status = served({ a: refused, b: refused }, { objects: [forbidden, rs()] });
    expect(short(status)).toEqual([
      'Accepted False AddressNotAllowed',
      'ResolvedRefs True ResolvedRefs',
      'Programmed False AddressNotAllowed',
      'Announced False NotAnnounced',
    ]);
    expect(conditionText(status, 'Programmed')).toBe('Programmed False AddressNotAllowed: a, b: no');
  });

  it('that only a Node could serve which is no director of it is programmed nowhere', () => {
    const nodes = { ...NODES, c: { labels: {}, addresses: ['192.168.112.160'] } };
    const status = served(BOTH, { nodes, objects: [web({ addresses: ['192.168.112.160'] }), rs()] });
    expect(short(status)).toContain('Accepted False NotHere');
    expect(short(status)).toContain('Programmed False NotHere');
    expect(status?.directors).toEqual({ programmed: 0, total: 0 });
  });
});

describe('an object that is newer than the view', () => {
  const input = summaryInput({ objects: [web(), rs()], directors: BOTH });
  const { virtualServices, realServers } = input;

  it('is left alone until the view has it', () => {
    const newer = <T extends { generation: number | null }>(objects: readonly T[]): T[] =>
      objects.map((object) => ({ ...object, generation: 2 }));
    const summary = summarise({
      ...input,
      virtualServices: newer(virtualServices),
      realServers: newer(realServers),
    });
    expect(summary).toEqual({ changes: [], againMs: null });
  });

  it('or that has only the name of one in the view is left alone, too', () => {
    const other = virtualServices.map((object) => ({ ...object, uid: 'another of its name' }));
    const summary = summarise({ ...input, virtualServices: other });
    expect(summary.changes.map(({ identity }) => identity.kind)).toEqual(['RealServer']);
  });
});

describe('a status that is there already', () => {
  /** The same objects with what was written for them. */
  const again = (situation: Situation, more: Partial<Situation> = {}) => {
    const summary = summaryOf(situation);
    const objects = situation.objects.map((object): Given => {
      const given = ('data' in object ? object : { data: object }) as Given;
      const { kind, metadata } = given.data as { kind: 'VirtualService' | 'RealServer'; metadata: { name: string } };
      return { ...given, status: changeOf(summary, kind, metadata.name) };
    });
    return summaryOf({ ...situation, now: LATER, ...more, objects });
  };
  const forbidden = [web({ addresses: ['10.96.0.1'] }), rs({ address: '10.96.0.2' })];
  const SITUATIONS: Readonly<Record<string, Situation>> = {
    'that are served': { objects: [web(), rs()], directors: BOTH },
    'that nobody serves': { objects: [web(), rs()], directors: {} },
    'that fail': { objects: [web(), rs()], directors: { a: failing(), b: directorView() } },
    'that are invalid': { objects: [invalid, { ...rs(), spec: {} }], directors: BOTH },
    'that are not permitted': { objects: forbidden, directors: BOTH },
    'without a director': { objects: [web(), rs()], nodes: {} },
  };

  it.each(Object.entries(SITUATIONS))('of objects %s is not written again', (_what, situation) => {
    expect(summaryOf(situation).changes).toHaveLength(situation.objects.length);
    expect(again(situation)).toEqual({ changes: [], againMs: null });
  });

  it('has a new time only where the status of the condition is another', () => {
    const before = { objects: [web(), rs()], directors: { a: failing('this'), b: directorView() } };
    const times = (more: Partial<Situation>) =>
      changeOf(again(before, more), 'VirtualService', 'web')?.conditions.map(
        ({ type, reason, lastTransitionTime }) => `${type} ${reason} ${lastTransitionTime}`,
      );
    expect(times({ directors: BOTH })).toEqual([
      `Accepted Accepted ${NOW}`,
      `ResolvedRefs ResolvedRefs ${NOW}`,
      `Programmed Programmed ${LATER}`,
      `Announced SeveralDirectors ${NOW}`,
    ]);
    const other = directorView({ exceptions: [exception(web(), 'NetfilterFailed')] });
    expect(times({ directors: { a: other, b: directorView() } })).toContain(`Programmed NetfilterFailed ${NOW}`);
  });

  it('is written again without what does not count any more', () => {
    const status = served(BOTH);
    const now = served(BOTH, { objects: [{ data: invalid, generation: 2, status }] });
    expect(Object.keys(now ?? {})).toEqual(['conditions']);
  });
});

describe('Announced', () => {
  const one = { directors: { nodeSelector: { rack: '1' } } };

  it('is true where one director answers', () => {
    expect(announced([web(one), rs()])).toBe('Announced True Announced: One director answers for it on the LAN.');
  });

  it('is false where several have the address', () => {
    expect(announced([web(), rs()])).toMatch(/^Announced False SeveralDirectors: several directors have 192/);
  });

  it('is false where the object asks for silence', () => {
    expect(announced([web({ ...one, announce: 'None' }), rs()])).toMatch(/^Announced False ByRoute: /);
  });

  it('is false for an IPv6 address that no Node has by itself', () => {
    const objects = [web({ ...one, addresses: ['fd00::200'] }), rs()];
    expect(announced(objects)).toMatch(/^Announced False NoNeighbourDiscovery: /);
    expect(announced(objects, { nodes: { a: node('fd00::200', { rack: '1' }) } })).toMatch(/^Announced True/);
  });

  it('is false while no director has it, unknown while nobody knows, and as ever while one has it', () => {
    const at = (directors: Situation['directors']) =>
      conditionText(served(directors, { objects: [web(one), rs()] }), 'Announced');
    expect(at({ a: failing() })).toMatch(/^Announced False NotAnnounced: /);
    expect(at({})).toMatch(/^Announced Unknown Pending: /);
    const shared = served({ a: failing(), b: directorView() });
    expect(conditionText(shared, 'Announced')).toMatch(/^Announced False SeveralDirectors: /);
  });
});

describe('ResolvedRefs', () => {
  it('says what is missing, of the generation in force', () => {
    const status = served(BOTH, { objects: [{ data: web(), generation: 4 }] });
    expect(short(status)).toContain('ResolvedRefs False NoRealServers');
    expect(generations(status)).toEqual([4, 4, 4, 4]);
    expect(status?.backends).toEqual({ total: 0, healthy: 0 });
  });

  it('has room for whatever there is to say', () => {
    const addresses = Array.from({ length: 1_000 }, (_, index) => `10.96.${index >> 8}.${index & 255}`);
    const objects = [web({ backends: [{ service: { name: 'web' } }] })];
    const status = served(BOTH, { objects, slices: [slice(addresses)] });
    expect(conditionText(status, 'ResolvedRefs')).toMatch(/^ResolvedRefs False DestinationNotAllowed: /);
    expect(virtualServiceStatus.parse(status)).toEqual(status);
  });
});

describe('a RealServer', () => {
  const both = (spec: object = {}): Situation => ({ objects: [web(), rs(spec)], directors: BOTH });
  const nowhere = { ...rs(), spec: { address: 'nowhere' } };

  it('is accepted and programmed where the VirtualServices that select it are', () => {
    expect(realServer(both())).toEqual({
      conditions: [
        { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'The object is valid.' },
        {
          type: 'Programmed',
          status: 'True',
          reason: 'Programmed',
          message: 'The kernel of every director that should have it has it.',
        },
      ].map((condition) => ({ ...condition, observedGeneration: 1, lastTransitionTime: NOW })),
    });
  });

  it('is not accepted when nobody may send anything to its address', () => {
    const status = realServer(both({ address: '192.168.112.151' }));
    expect(short(status)).toEqual(['Accepted False DestinationNotAllowed', 'Programmed False DestinationNotAllowed']);
    expect(conditionText(status, 'Programmed')).toMatch(/192\.168\.112\.151 is the address of a Node/);
  });

  it('that is edited to something invalid is not accepted, and what was accepted is programmed', () => {
    const edited: Given = { data: nowhere, generation: 2, good: { data: rs(), generation: 1 } };
    const status = realServer({ objects: [web(), edited], directors: BOTH });
    expect(short(status)).toEqual(['Accepted False Invalid', 'Programmed True Programmed']);
    expect(generations(status)).toEqual([2, 1]);
    expect(conditionText(status, 'Accepted')).toMatch(/What was accepted before is still served\.$/);
    expect(conditionText(status, 'Accepted')).not.toMatch(/never accepted/);
  });

  it('whose last good state may not be reached is not programmed, whatever else is wrong with it', () => {
    const good = { data: rs({ address: '10.96.0.7' }), generation: 1 };
    const edited: Given = { data: nowhere, generation: 2, good };
    expect(short(realServer({ objects: [web(), edited], directors: BOTH }))).toEqual([
      'Accepted False Invalid',
      'Programmed False DestinationNotAllowed',
    ]);
  });

  it('that was never accepted is not programmed', () => {
    const status = realServer({ objects: [web(), { ...rs(), spec: {} }], directors: BOTH });
    expect(short(status)).toEqual(['Accepted False Invalid', 'Programmed False Invalid']);
    expect(conditionText(status, 'Accepted')).toMatch(/It was never accepted, so it is not served\.$/);
  });

  it('that no VirtualService selects is not programmed', () => {
    const alone = 'Programmed False NotSelected: No VirtualService selects it.';
    expect(conditionText(realServer({ objects: [rs()], directors: BOTH }), 'Programmed')).toBe(alone);
    const unmade = web({ addresses: ['203.0.113.1'] });
    expect(conditionText(realServer({ objects: [unmade, rs()], directors: BOTH }), 'Programmed')).toBe(alone);
  });

  it('is programmed nowhere where its VirtualService fails', () => {
    const status = realServer({ ...both(), directors: { a: directorView(), b: failing() } });
    expect(conditionText(status, 'Programmed')).toBe(
      `Programmed False KernelRefused: VirtualService default/web: b: ${KERNEL}`,
    );
  });

  it('is waited for as a VirtualService is', () => {
    const seenMs = 50_000;
    const objects = [web(), { data: rs(), since: '150', seenMs }];
    const late = { a: directorView({ upTo: '150' }), b: directorView({ upTo: '149' }) };
    const at = (afterMs: number) => summaryOf({ objects, directors: late, nowMs: seenMs + afterMs });
    expect(changeOf(at(GRACE_MS - 1), 'RealServer', 'rs')).toBeNull();
    expect(at(GRACE_MS - 1).againMs).toBe(1);
    expect(conditionText(changeOf(at(GRACE_MS), 'RealServer', 'rs'), 'Programmed')).toBe(
      'Programmed Unknown DirectorsUnknown: Not reported yet: b.',
    );
  });

  it('is unknown when no director is alive, or one tells only a part', () => {
    expect(conditionText(realServer({ ...both(), directors: {} }), 'Programmed')).toBe(
      'Programmed Unknown DirectorsUnknown: None of the directors that should have it is alive.',
    );
    const partial = { a: directorView(), b: directorView({ truncated: 1 }) };
    expect(conditionText(realServer({ ...both(), directors: partial }), 'Programmed')).toBe(
      'Programmed Unknown DirectorsUnknown: Not reported yet: b.',
    );
  });
});
