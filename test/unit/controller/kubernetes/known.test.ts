/** Which objects that are not shown any more were deleted, and what is kept of the others. */
import { describe, expect, it } from 'vitest';
import { type Known, learn, vanished, type Verdict } from '../../../../src/controller/kubernetes/known.ts';
import { apiItem, shown } from '../../../support/known.ts';
import { virtualServiceObject } from '../../../support/objects.ts';

const ALIVE: Verdict = { kind: 'alive', created: '2026-01-01T00:00:00Z' };
const UNKNOWN: Verdict = { kind: 'unknown', why: 'it is gone' };
const NOTHING: Known = new Map();

const web = (spec: object = {}, meta: object = {}) => apiItem(virtualServiceObject(spec), meta);
const learnt = (...items: ReturnType<typeof web>[]): Known => learn(NOTHING, shown(...items), [], UNKNOWN);
const gone = (known: Known, verdict: Verdict): Known => learn(known, shown(), vanished(known, shown()), verdict);

describe('an object that is not shown any more', () => {
  it('was deleted when its kind is alive and not younger than it', () => {
    expect(gone(learnt(web()), ALIVE).size).toBe(0);
    const same = learnt(web({}, { created: '2026-01-01T00:00:00Z' }));
    expect(gone(same, ALIVE).size).toBe(0);
  });

  it('is held when its kind was made after it', () => {
    const after = gone(learnt(web({}, { created: '2025-12-31T23:59:59Z' })), ALIVE);
    expect(after.get('default/web')).toMatchObject({ uid: 'uid-web', held: true });
  });

  it('is held while nothing is known of its kind, and judged later', () => {
    const held = gone(learnt(web()), UNKNOWN);
    expect(held.get('default/web')?.held).toBe(true);
    expect(gone(held, UNKNOWN).get('default/web')).toBe(held.get('default/web'));
    expect(gone(held, ALIVE).size).toBe(0);
  });

  it('is not judged by a verdict that was asked for before it vanished', () => {
    const known = learnt(web());
    const after = learn(known, shown(), [], ALIVE);
    expect(after.get('default/web')).toBe(known.get('default/web'));
  });

  it('is not held any more when it comes back, whatever uid it has then', () => {
    const held = gone(learnt(web()), UNKNOWN);
    const back = learn(held, shown(web()), [], UNKNOWN);
    expect(back.get('default/web')).toMatchObject({ uid: 'uid-web', held: false });
    const anew = learn(held, shown(web({}, { uid: 'other' })), [], UNKNOWN);
    expect(anew.get('default/web')).toMatchObject({ uid: 'other', held: false, good: null });
  });

  it('is kept when it is there and cannot be read', () => {
    const known = learnt(web());
    const after = learn(known, { items: new Map(), unreadable: new Set(['default/web']) }, [], ALIVE);
    expect(after.get('default/web')).toBe(known.get('default/web'));
  });
});

describe('an object that is shown', () => {
  it('stays the same value when only its status changed', () => {
    const known = learnt(web());
    const after = learn(known, shown(web({}, { resourceVersion: '2', status: { conditions: [] } })), [], UNKNOWN);
    expect(after.get('default/web')).toBe(known.get('default/web'));
  });

  it('keeps what was accepted of it through an edit, and loses it to another of its name', () => {
    const [[key, first] = ['', undefined]] = [...learnt(web())];
    if (first === undefined || first.parsed.status !== 'valid') throw new Error('it should be valid');
    const known: Known = new Map([[key, { ...first, good: { object: first.parsed.object, generation: 1 } }]]);
    const edited = learn(known, shown(web({ scheduler: 'lc' }, { generation: 2 })), [], UNKNOWN);
    expect(edited.get(key)).toMatchObject({ generation: 2, good: { generation: 1 } });
    const other = learn(known, shown(web({ scheduler: 'lc' }, { uid: 'other' })), [], UNKNOWN);
    expect(other.get(key)?.good).toBeNull();
  });
});
