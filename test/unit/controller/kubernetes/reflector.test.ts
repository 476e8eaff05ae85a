/** Following objects through everything that an API server and a network may do. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sleep } from '../../../../src/controller/kubernetes/backoff.ts';
import type { ApiClient } from '../../../../src/controller/kubernetes/client.ts';
import { startReflector, type ReflectorOptions } from '../../../../src/controller/kubernetes/reflector.ts';
import { startApiServer, type ApiServer, type Asked, type Watching } from '../../../support/api-server.ts';
import { bookmark, follow, listOf, thing, THINGS, type Following } from './following.ts';

let server: ApiServer;
let following: Following;

beforeEach(async () => {
  server = await startApiServer();
});

afterEach(async () => {
  await following.stop();
  await server.stop();
});

function start(more: Partial<ReflectorOptions> = {}, resource = THINGS): Following {
  following = follow(server, more, resource);
  return following;
}

async function nextList(): Promise<Asked> {
  const asked = await server.next();
  expect(asked).toMatchObject({ method: 'GET', path: THINGS.path });
  expect(asked.query).not.toHaveProperty('watch');
  return asked;
}

async function nextWatch(version: number): Promise<Asked> {
  const asked = await server.next();
  expect(asked).toMatchObject({ method: 'GET', path: THINGS.path });
  expect(asked.query).toMatchObject({ watch: 'true', resourceVersion: String(version) });
  return asked;
}

/** A reflector that has listed and watches. */
async function startWatching(
  objects: readonly unknown[] = [thing('a', 5), thing('b', 6)],
  more: Partial<ReflectorOptions> = {},
  resource = THINGS,
): Promise<Watching> {
  start(more, resource);
  (await nextList()).json(listOf(10, objects));
  const watching = (await nextWatch(10)).watch();
  await following.when(() => following.counts.events === 1, 'the first list was told');
  return watching;
}

const version = (wanted: number) => (): boolean => following.reflector.resourceVersion === String(wanted);

describe('the first list', () => {
  it('is asked for in pages and is ready when it is complete', async () => {
    const { reflector, counts } = start({ listLimit: 2 });
    const first = await nextList();
    expect(first.query).toEqual({ labelSelector: 'a=b', limit: '2' });
    first.json(listOf(10, [thing('x/a', 5), thing('b', 6)], { continue: 'next' }));
    const second = await nextList();
    expect(second.query).toEqual({ labelSelector: 'a=b', limit: '2', continue: 'next' });
    expect([reflector.synced, reflector.items.size, reflector.resourceVersion]).toEqual([false, 0, null]);
    second.json(listOf(10, [thing('c', 7, { size: 3, generation: null })], { continue: '' }));
    await reflector.ready;
    expect(reflector.synced).toBe(true);
    expect([...reflector.items]).toEqual([
      ['x/a', item('a', 5, { namespace: 'x', uid: 'uid-x/a' })],
      ['b', item('b', 6)],
      ['c', item('c', 7, { generation: null, record: { size: 3, status: undefined } })],
    ]);
    expect([reflector.resourceVersion, reflector.generationVersion]).toEqual(['10', '10']);
    expect(counts).toEqual({ changes: 1, events: 1 });
    await nextWatch(10);
  });

  const item = (name: string, resourceVersion: number, more: object = {}): object => ({
    uid: `uid-${name}`,
    namespace: '',
    name,
    resourceVersion: String(resourceVersion),
    generation: 1,
    generationSince: String(resourceVersion),
    record: { size: 1, status: undefined },
    ...more,
  });

  it('may be empty', async () => {
    const { reflector, counts } = start();
    (await nextList()).json(listOf(10, []));
    await reflector.ready;
    expect([reflector.items.size, reflector.generationVersion, counts.changes]).toEqual([0, '10', 1]);
  });

  it('asks for five hundred objects at a time', async () => {
    start();
    expect((await nextList()).query['limit']).toBe('500');
  });

  it('gives objects the kind and version that lists of built-in kinds leave out', async () => {
    const seen: unknown[] = [];
    const resource = {
      ...THINGS,
      project: (object: Readonly<Record<string, unknown>>) => {
        seen.push([object['apiVersion'], object['kind']]);
        return { size: 1, status: null };
      },
    };
    start({}, resource);
    const { kind: _, apiVersion: __, ...bare } = thing('a', 5);
    (await nextList()).json(listOf(10, [bare, { ...thing('b', 6), apiVersion: 'test.org/v2' }]));
    await following.reflector.ready;
    expect(seen).toEqual([
      ['test.org/v1', 'Thing'],
      ['test.org/v2', 'Thing'],
    ]);
  });

  it('is begun anew when its state is forgotten between two pages', async () => {
    const { reflector, sleeps, sizes } = start({ random: () => 0.25 });
    (await nextList()).json(listOf(10, [thing('gone', 5)], { continue: 'next' }));
    (await nextList()).fail(410, 'Expired');
    const again = await nextList();
    expect(again.query).not.toHaveProperty('continue');
    expect(sleeps).toEqual([250]);
    again.json(listOf(20, [thing('a', 15)]));
    await reflector.ready;
    expect(sizes()).toEqual({ a: 1 });
    expect(following.troubles).toEqual([]);
  });

  it('is trouble when its state is forgotten again and again', async () => {
    const { reflector, troubles } = start();
    for (let round = 0; round < 3; round += 1) {
      (await nextList()).json(listOf(10, [thing('a', 5)], { continue: 'next' }));
      (await nextList()).fail(410, 'Expired');
    }
    (await nextList()).json(listOf(20, [thing('a', 15)]));
    await reflector.ready;
    expect(troubles).toEqual([expect.stringContaining('the server forgets the list'), null]);
  });

  it('shows signs of life with each page', async () => {
    let time = 1_000;
    const { reflector } = start({ now: () => time });
    (await nextList()).json(listOf(10, [], { continue: 'next' }));
    time = 2_000;
    (await nextList()).json(listOf(10, []));
    await reflector.ready;
    expect(reflector.lastContact).toBe(2_000);
  });

  it('is asked for in smaller pages when a page is too large', async () => {
    start({ listLimit: 3 });
    const answer = (await nextList()).watch();
    for (let mebibyte = 0; mebibyte < 65; mebibyte += 1) answer.raw(Buffer.alloc(2 ** 20, ' '));
    const second = await nextList();
    expect(second.query['limit']).toBe('2');
    second.json(listOf(10, [thing('a', 5)]));
    await following.reflector.ready;
    expect(following.sleeps).toEqual([]);
  });

  it('that never ends is nonsense', async () => {
    start();
    (await nextList()).json(listOf(10, [], { continue: 'same' }));
    (await nextList()).json(listOf(10, [], { continue: 'same' }));
    await following.when(() => following.reflector.trouble !== null, 'trouble');
    expect(following.reflector.trouble).toContain('names itself as the next one');
  });
});

describe('a watch', () => {
  it('is asked for with bookmarks and its own time limit', async () => {
    const limits: (string | undefined)[] = [];
    for (const random of [0, 0.5, 0.999_999]) {
      start({ random: () => random });
      // One after the other.
      (await nextList()).json(listOf(10, []));
      const asked = await nextWatch(10);
      expect(asked.query).toMatchObject({ labelSelector: 'a=b', allowWatchBookmarks: 'true' });
      expect(asked.query).not.toHaveProperty('limit');
      limits.push(asked.query['timeoutSeconds']);
      await following.stop();
    }
    expect(limits).toEqual(['290', '440', '590']);
  });

  it('adds, changes, replaces and deletes', async () => {
    const watching = await startWatching();
    const { reflector, counts, sizes } = following;
    watching.send('ADDED', thing('c', 11));
    watching.send('MODIFIED', thing('a', 12, { size: 2, generation: 2 }));
    watching.send('ADDED', thing('b', 13, { uid: 'another', size: 3 }));
    watching.send('DELETED', thing('c', 14));
    await following.when(version(14), 'all was told');
    expect(sizes()).toEqual({ a: 2, b: 3 });
    expect(reflector.items.get('b')).toMatchObject({ uid: 'another', resourceVersion: '13' });
    expect(reflector.generationVersion).toBe('14');
    expect(counts.changes).toBeGreaterThan(1);
  });

  it('tells what comes together together', async () => {
    const watching = await startWatching();
    const { counts } = following;
    watching.raw(
      [11, 12, 13, 14]
        .map((each) => `${JSON.stringify({ type: 'ADDED', object: thing(`x${each}`, each) })}\n`)
        .join(''),
    );
    await following.when(version(14), 'all was told');
    expect(counts).toEqual({ changes: 2, events: 2 });
  });

  it('tells a change of status as an event only', async () => {
    const watching = await startWatching();
    const { reflector, counts } = following;
    watching.send('MODIFIED', thing('a', 11, { status: 'fine' }));
    await following.when(version(11), 'the status was told');
    expect([counts.changes, counts.events]).toEqual([1, 2]);
    expect(reflector.generationVersion).toBe('10');
    expect(reflector.items.get('a')).toMatchObject({ resourceVersion: '11', record: { status: 'fine' } });
  });

  it('counts a generation for the versions of what has one, and the record for what has none', async () => {
    const watching = await startWatching([thing('a', 5), thing('none', 6, { generation: null })]);
    const { reflector, counts } = following;
    watching.send('MODIFIED', thing('a', 11, { size: 2 }));
    await following.when(version(11), 'a changed its record');
    expect([counts.changes, reflector.generationVersion]).toEqual([2, '10']);
    watching.send('MODIFIED', thing('a', 12, { size: 2, generation: 2 }));
    await following.when(version(12), 'a changed its generation');
    expect([counts.changes, reflector.generationVersion]).toEqual([2, '12']);
    watching.send('MODIFIED', thing('none', 13, { generation: null, status: 1 }));
    await following.when(version(13), 'none changed its status');
    expect([counts.changes, reflector.generationVersion]).toEqual([2, '12']);
    watching.send('MODIFIED', thing('none', 14, { generation: null, size: 2 }));
    await following.when(version(14), 'none changed its record');
    expect([counts.changes, reflector.generationVersion]).toEqual([3, '14']);
  });

  it('advances with bookmarks, which change nothing', async () => {
    const watching = await startWatching();
    const { reflector, counts } = following;
    watching.send('BOOKMARK', bookmark(50));
    await following.when(version(50), 'the bookmark was told');
    expect([counts.changes, counts.events, reflector.generationVersion]).toEqual([1, 2, '10']);
  });

  it('ignores old states of what it knows, deletions of what it does not, and events of other types', async () => {
    const watching = await startWatching([thing('a', 9)]);
    watching.send('MODIFIED', thing('a', 8, { size: 8 }));
    watching.send('ADDED', thing('a', 7, { size: 7 }));
    watching.send('DELETED', thing('a', 11, { uid: 'an earlier one' }));
    watching.send('DELETED', thing('never', 12));
    watching.send('PATCHED', thing('a', 13, { size: 13 }));
    watching.send('BOOKMARK', bookmark(14));
    await following.when(version(14), 'all was told');
    expect(following.sizes()).toEqual({ a: 1 });
    expect([following.counts.changes, following.reflector.generationVersion]).toEqual([1, '10']);
  });

  it('compares versions as numbers of any length', async () => {
    const watching = await startWatching([thing('a', 9)]);
    watching.send('MODIFIED', { ...thing('a', 0, { size: 2 }), metadata: versioned('99999999999999999999') });
    watching.send('MODIFIED', { ...thing('a', 0, { size: 3 }), metadata: versioned('100000000000000000000') });
    await following.when(() => following.reflector.resourceVersion === '100000000000000000000', 'both were told');
    expect(following.sizes()).toEqual({ a: 3 });
    watching.send('MODIFIED', { ...thing('a', 0, { size: 4 }), metadata: versioned('opaque') });
    await following.when(() => following.sizes()['a'] === 4, 'what cannot be compared is not old');
  });

  const versioned = (resourceVersion: string): object => ({ name: 'a', uid: 'uid-a', generation: 1, resourceVersion });

  it('takes a line with other ends of line in it', async () => {
    const watching = await startWatching();
    watching.raw(`${JSON.stringify({ type: 'MODIFIED', object: thing('a', 11, { status: 'x\u2028y\u0085z' }) })}\n\n`);
    watching.send('BOOKMARK', bookmark(12));
    await following.when(version(12), 'it was told');
    expect(following.reflector.items.get('a')?.record.status).toBe('x\u2028y\u0085z');
    expect(following.notes).toEqual([]);
  });

  it('compares records by their text unless told otherwise', async () => {
    const { kind, path } = THINGS;
    const byText = { kind, path, project: (object: Readonly<Record<string, unknown>>) => THINGS.project(object) };
    const watching = await startWatching([thing('a', 5, { status: 1 })], {}, byText);
    watching.send('MODIFIED', thing('a', 11, { status: 1 }));
    await following.when(version(11), 'the same was told');
    expect(following.counts.changes).toBe(1);
    watching.send('MODIFIED', thing('a', 12, { status: 2 }));
    await following.when(version(12), 'another status was told');
    expect(following.counts.changes).toBe(2);
  });

  it('shows signs of life when it begins and with each event', async () => {
    let time = 1_000;
    start({ now: () => time });
    (await nextList()).json(listOf(10, []));
    const asked = await nextWatch(10);
    time = 2_000;
    const watching = asked.watch();
    watching.send('PATCHED', {});
    watching.send('BOOKMARK', bookmark(11));
    await following.when(version(11), 'the bookmark was told');
    expect(following.reflector.lastContact).toBe(2_000);
    time = 3_000;
    watching.send('BOOKMARK', bookmark(12));
    await following.when(version(12), 'another bookmark was told');
    expect(following.reflector.lastContact).toBe(3_000);
  });

  it('never goes back to an older version', async () => {
    const watching = await startWatching();
    watching.send('BOOKMARK', bookmark(50));
    watching.send('BOOKMARK', bookmark(40));
    watching.send('ADDED', thing('c', 45));
    await following.when(() => following.reflector.items.has('c'), 'c came');
    expect(following.reflector.resourceVersion).toBe('50');
    expect(following.reflector.generationVersion).toBe('50');
  });

  it('notes that records cannot be compared, and takes them for different', async () => {
    const resource = {
      ...THINGS,
      project: (object: Readonly<Record<string, unknown>>) => THINGS.project(object),
      same: () => {
        throw new Error('incomparable');
      },
    };
    const watching = await startWatching([thing('a', 5)], {}, resource);
    watching.send('MODIFIED', thing('a', 11, { size: 2 }));
    await following.when(version(11), 'a changed');
    expect([following.counts.changes, following.sizes()]).toEqual([2, { a: 2 }]);
    expect(following.notes).toEqual(['Thing: records cannot be compared: incomparable']);
  });
});

describe('the end of a watch', () => {
  it('by the server is followed by another from the newest version, at once', async () => {
    const watching = await startWatching();
    watching.send('MODIFIED', thing('a', 11, { size: 2 }));
    watching.send('BOOKMARK', bookmark(20));
    watching.end();
    await nextWatch(20);
    expect(following.sleeps).toEqual([]);
    expect(following.sizes()).toEqual({ a: 2, b: 1 });
    expect(following.troubles).toEqual([]);
  });

  it('after a long life is followed by another at once, though nothing was told', async () => {
    let time = 0;
    const watching = await startWatching([], { now: () => (time += 5_001) });
    watching.end();
    await nextWatch(10);
    expect(following.sleeps).toEqual([]);
  });

  it('without a word is waited for, longer each time, and after five a list is asked for', async () => {
    const watching = await startWatching();
    watching.end();
    for (let round = 0; round < 4; round += 1) (await nextWatch(10)).watch().end();
    await nextList();
    expect(following.sleeps).toEqual([800, 1_600, 3_200, 6_400, 12_800]);
    expect(following.reflector.items.size).toBe(2);
  });

  it('within a line resumes before that line', async () => {
    const watching = await startWatching();
    watching.send('ADDED', thing('c', 11));
    watching.raw(JSON.stringify({ type: 'ADDED', object: thing('d', 12) }));
    watching.end();
    const again = (await nextWatch(11)).watch();
    again.send('ADDED', thing('d', 12));
    await following.when(version(12), 'the whole line was told');
    expect(Object.keys(following.sizes())).toEqual(['a', 'b', 'c', 'd']);
  });

  it('by silence is followed by another from the same version', async () => {
    const watching = await startWatching([thing('a', 5)], { idleMs: 50 });
    await watching.over;
    const again = await nextWatch(10);
    again.watch().send('ADDED', thing('c', 11));
    await following.when(version(11), 'the new watch was told');
    expect(following.sleeps).toEqual([800]);
    expect(following.troubles).toEqual([]);
  });

  it('by a broken connection is followed by another from the newest version', async () => {
    const watching = await startWatching();
    watching.send('ADDED', thing('c', 11));
    await following.when(version(11), 'c was told');
    watching.destroy();
    await nextWatch(11);
    expect(following.troubles).toEqual([]);
  });
});

describe('a version that is forgotten', () => {
  const EXPIRED = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' };

  it.each([
    ['with the status', (asked: Asked) => asked.fail(410, 'Gone')],
    ['within the watch', (asked: Asked) => asked.watch().send('ERROR', EXPIRED)],
    ['within the watch, by one reason', (asked: Asked) => asked.watch().send('ERROR', { reason: 'Gone' })],
    ['within the watch, by another reason', (asked: Asked) => asked.watch().send('ERROR', { reason: 'Expired' })],
  ])('is followed by a list, soon but not together with all others: %s', async (_, refuse) => {
    start({ random: () => 0.5 });
    (await nextList()).json(listOf(10, [thing('a', 5), thing('b', 6)]));
    refuse(await nextWatch(10));
    const again = await nextList();
    expect(following.sleeps).toEqual([500]);
    again.json(listOf(30, [thing('a', 5), thing('c', 25)]));
    await nextWatch(30);
    expect(Object.keys(following.sizes())).toEqual(['a', 'c']);
    expect(following.troubles).toEqual([]);
  });

  it('again and again is waited for', async () => {
    start({ random: () => 0.5 });
    for (let round = 0; round < 4; round += 1) {
      (await nextList()).json(listOf(10, []));
      (await nextWatch(10)).fail(410, 'Expired');
    }
    await nextList();
    expect(following.sleeps).toEqual([500, 1_200, 2_400, 4_800]);
  });
});

describe('another list', () => {
  const EXPIRED = { code: 410 };

  async function listAgain(objects: readonly unknown[]): Promise<void> {
    const watching = await startWatching();
    watching.send('ERROR', EXPIRED);
    (await nextList()).json(listOf(30, objects));
    await following.when(version(30), 'the list was told');
  }

  it('that shows the same changes nothing but the version', async () => {
    await listAgain([thing('b', 6), thing('a', 5)]);
    expect(following.counts).toEqual({ changes: 1, events: 2 });
    expect(following.reflector.generationVersion).toBe('10');
  });

  it('that shows another status changes nothing but the version', async () => {
    await listAgain([thing('b', 26, { status: 1 }), thing('a', 5)]);
    expect(following.counts).toEqual({ changes: 1, events: 2 });
    expect(following.reflector.generationVersion).toBe('10');
  });

  it.each([
    ['lacks an object', [thing('a', 5)], { a: 1 }],
    ['has another object', [thing('a', 5), thing('b', 6), thing('c', 7)], { a: 1, b: 1, c: 1 }],
    ['has another object of the same name', [thing('a', 5), thing('b', 26, { uid: 'new' })], { a: 1, b: 1 }],
    ['has a changed object', [thing('a', 25, { size: 2, generation: 2 }), thing('b', 6)], { a: 2, b: 1 }],
    [
      'has older versions, from a restored backup',
      [thing('a', 3, { size: 0, generation: 0 }), thing('b', 6)],
      { a: 0, b: 1 },
    ],
    ['is empty', [], {}],
  ])('that %s changes what is known', async (_, objects, sizes) => {
    await listAgain(objects);
    expect(following.sizes()).toEqual(sizes);
    expect(following.counts).toEqual({ changes: 2, events: 2 });
    expect(following.reflector.generationVersion).toBe('30');
  });
});

describe('garbage in a watch', () => {
  it.each([
    ['no JSON', 'garbage'],
    ['no object', '[]'],
    ['no type', JSON.stringify({ object: thing('a', 11) })],
    ['nothing that happened', JSON.stringify({ type: 'ADDED' })],
    ['something without a name', JSON.stringify({ type: 'ADDED', object: { kind: 'Thing', metadata: { uid: 'u' } } })],
    ['something without a uid', JSON.stringify({ type: 'ADDED', object: thing('a', 11, { uid: '' }) })],
    ['something of another kind', JSON.stringify({ type: 'ADDED', object: { ...thing('a', 11), kind: 'Status' } })],
    ['a bookmark without a version', JSON.stringify({ type: 'BOOKMARK', object: { kind: 'Thing', metadata: {} } })],
  ])('ends it and makes a list: %s', async (_, line) => {
    const watching = await startWatching();
    watching.raw(`${line}\n${JSON.stringify({ type: 'ADDED', object: thing('after', 12) })}\n`);
    const again = await nextList();
    await watching.over;
    expect(following.sleeps).toEqual([800]);
    expect(following.sizes()).toEqual({ a: 1, b: 1 });
    expect(following.reflector.resourceVersion).toBe('10');
    expect(following.notes).toHaveLength(1);
    again.json(listOf(30, [thing('a', 5)]));
    await nextWatch(30);
    expect(following.sizes()).toEqual({ a: 1 });
  });
});

describe('an object that is not understood', () => {
  it('keeps its last record, if it had one', async () => {
    const watching = await startWatching();
    const before = following.reflector.items.get('a');
    watching.send('MODIFIED', thing('a', 11, { size: 'large', generation: 2 }));
    watching.send('MODIFIED', thing('a', 12, { size: 'throw', generation: 2 }));
    await following.when(version(12), 'both were told');
    const { reflector, counts, notes } = following;
    expect(reflector.items.get('a')).toBe(before);
    expect([...reflector.unreadable]).toEqual([]);
    expect(reflector.misunderstood).toBe(2);
    expect([counts.changes, reflector.generationVersion]).toEqual([1, '11']);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toContain('Thing a is not understood');
    watching.send('MODIFIED', thing('a', 13, { size: 2, generation: 3 }));
    await following.when(version(13), 'it is understood again');
    expect(following.sizes()).toEqual({ a: 2, b: 1 });
  });

  it('without a record is known to be there, until it is understood or gone', async () => {
    const watching = await startWatching([thing('a', 5, { size: 'throw' }), thing('b', 6)]);
    const { reflector, counts, notes } = following;
    expect([...reflector.unreadable]).toEqual(['a']);
    expect(following.sizes()).toEqual({ b: 1 });
    expect(notes[0]).toContain('Thing a is not understood: no such size');
    watching.send('ADDED', thing('c', 11, { size: null }));
    await following.when(version(11), 'c came');
    expect([[...reflector.unreadable], counts.changes, reflector.generationVersion]).toEqual([['a', 'c'], 2, '11']);
    watching.send('MODIFIED', thing('a', 12, { size: 2 }));
    await following.when(version(12), 'a is understood');
    expect([[...reflector.unreadable], counts.changes]).toEqual([['c'], 3]);
    expect(following.sizes()).toEqual({ a: 2, b: 1 });
    watching.send('DELETED', thing('c', 13, { size: null }));
    await following.when(version(13), 'c is gone');
    expect([[...reflector.unreadable], counts.changes]).toEqual([[], 4]);
  });

  it('has no record of another object of its name', async () => {
    const watching = await startWatching();
    watching.send('ADDED', thing('a', 11, { uid: 'new', size: 'large' }));
    await following.when(version(11), 'it was told');
    expect([...following.reflector.unreadable]).toEqual(['a']);
    expect(following.sizes()).toEqual({ b: 1 });
  });
});

describe('a list that fails', () => {
  it('is tried again, later each time, and as the server says', async () => {
    const { reflector, sleeps, troubles } = start();
    (await nextList()).fail(500, 'InternalError');
    (await nextList()).destroy();
    // The client itself tries once more when a connection breaks that had been good.
    (await nextList()).destroy();
    (await nextList()).fail(503, 'ServiceUnavailable', { 'retry-after': '7' });
    (await nextList()).fail(429, 'TooManyRequests');
    (await nextList()).json(listOf(10, [thing('a', 5)]));
    await reflector.ready;
    expect(sleeps).toEqual([800, 1_600, 7_000, 6_400]);
    expect(troubles.at(0)).toBe('Thing: GET /apis/test.org/v1/things: 500 told: InternalError');
    expect(troubles.at(2)).toBe('Thing: GET /apis/test.org/v1/things: 503 told: ServiceUnavailable');
    expect(troubles.at(-1)).toBeNull();
    expect(troubles).toHaveLength(5);
    expect(reflector.trouble).toBeNull();
  });

  it('tells the same trouble once', async () => {
    start();
    for (let round = 0; round < 3; round += 1) (await nextList()).fail(500, 'InternalError');
    await nextList();
    expect(following.troubles).toHaveLength(1);
  });

  it('because it is not allowed says which rule is missing', async () => {
    const { reflector } = start();
    (await nextList()).fail(403, 'Forbidden');
    await nextList();
    expect(reflector.trouble).toMatch(
      /^Thing: the role lacks a rule with verb "list", resource "things" and API group "test\.org" \(403\): GET/,
    );
    expect(reflector.synced).toBe(false);
  });

  it('in the core group says so with an empty group', async () => {
    start({}, { ...THINGS, path: '/api/v1/things' });
    (await server.next()).fail(403, 'Forbidden');
    await following.when(() => following.reflector.trouble !== null, 'trouble');
    expect(following.reflector.trouble).toContain('verb "list", resource "things" and API group ""');
  });

  it('fails as a whole when a later page does', async () => {
    const { reflector } = start();
    (await nextList()).json(listOf(10, [thing('a', 5)], { continue: 'next' }));
    (await nextList()).fail(500, 'InternalError');
    await nextList();
    expect([reflector.items.size, reflector.synced]).toEqual([0, false]);
  });
});

describe('nonsense in place of a list', () => {
  it.each([
    ['HTML', (asked: Asked) => asked.text('<html>')],
    ['nothing', (asked: Asked) => asked.text('')],
    ['a text', (asked: Asked) => asked.json('list')],
    ['a Status', (asked: Asked) => asked.json({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' })],
    ['a list of another kind', (asked: Asked) => asked.json({ ...listOf(30, []), kind: 'OtherList' })],
    ['no version', (asked: Asked) => asked.json({ ...listOf(30, []), metadata: {} })],
    ['no metadata', (asked: Asked) => asked.json({ ...listOf(30, []), metadata: null })],
    ['no items', (asked: Asked) => asked.json({ ...listOf(30, []), items: undefined })],
    ['items that are no list', (asked: Asked) => asked.json({ ...listOf(30, []), items: {} })],
    ['an item that is no object', (asked: Asked) => asked.json(listOf(30, [thing('a', 5), null]))],
    ['an item without uid', (asked: Asked) => asked.json(listOf(30, [thing('a', 5, { uid: '' })]))],
    ['an item of another kind', (asked: Asked) => asked.json(listOf(30, [{ ...thing('a', 5), kind: 'Other' }]))],
  ])('keeps what is known, is trouble, and is tried again: %s', async (_, answer) => {
    const watching = await startWatching();
    watching.send('ERROR', { code: 410 });
    answer(await nextList());
    const again = await nextList();
    const { reflector, troubles } = following;
    expect(reflector.trouble).toMatch(/^Thing: /);
    expect(following.sizes()).toEqual({ a: 1, b: 1 });
    expect([reflector.resourceVersion, reflector.generationVersion]).toEqual(['10', '10']);
    expect(following.sleeps).toEqual([800]);
    again.json(listOf(30, [thing('a', 5)]));
    await nextWatch(30);
    expect(troubles.at(-1)).toBeNull();
    expect(following.sizes()).toEqual({ a: 1 });
  });
});

describe('a watch that is refused', () => {
  it('is tried again from the same version, as the server says', async () => {
    const { reflector, sleeps, troubles } = start();
    (await nextList()).json(listOf(10, [thing('a', 5)]));
    (await nextWatch(10)).fail(503, 'ServiceUnavailable', { 'retry-after': '2' });
    (await nextWatch(10)).fail(429, 'TooManyRequests');
    (await nextWatch(10)).destroy();
    (await nextWatch(10)).destroy();
    expect(reflector.trouble).toContain('429');
    const watching = (await nextWatch(10)).watch();
    watching.send('BOOKMARK', bookmark(11));
    await following.when(version(11), 'it is watched again');
    expect(sleeps).toEqual([2_000, 1_600, 3_200]);
    expect(troubles).toHaveLength(4);
    expect(troubles.at(-1)).toBeNull();
  });

  it('because it is not allowed says which rule is missing', async () => {
    start();
    (await nextList()).json(listOf(10, [thing('a', 5)]));
    (await nextWatch(10)).fail(403, 'Forbidden');
    await nextWatch(10);
    expect(following.reflector.trouble).toContain('verb "watch", resource "things" and API group "test.org"');
    expect(following.sizes()).toEqual({ a: 1 });
  });

  it('is tried again however often, without a list', async () => {
    start();
    (await nextList()).json(listOf(10, []));
    for (let round = 0; round < 7; round += 1) (await nextWatch(10)).fail(500, 'InternalError');
    await nextWatch(10);
    expect(following.sleeps).toHaveLength(7);
  });

  it('makes no difference after a watch that told something', async () => {
    start();
    (await nextList()).json(listOf(10, []));
    for (let round = 0; round < 3; round += 1) (await nextWatch(10)).fail(503, 'ServiceUnavailable');
    const watching = (await nextWatch(10)).watch();
    watching.send('BOOKMARK', bookmark(11));
    await following.when(version(11), 'the bookmark was told');
    watching.end();
    (await nextWatch(11)).fail(503, 'ServiceUnavailable');
    await nextWatch(11);
    expect(following.sleeps).toEqual([800, 1_600, 3_200, 800]);
  });

  it.each([400, 504])('with %i is followed by a list: the version may be what is wrong', async (status) => {
    start();
    (await nextList()).json(listOf(10, []));
    (await nextWatch(10)).fail(status, 'Timeout');
    await nextList();
    expect(following.sleeps).toEqual([800]);
  });

  it('by an error of the server within it is tried again', async () => {
    const watching = await startWatching();
    watching.send('ERROR', { kind: 'Status', code: 500, reason: 'InternalError', message: 'etcd is away' });
    await nextWatch(10);
    await watching.over;
    expect(following.sleeps).toEqual([800]);
    expect(following.notes).toEqual(['Thing: GET /apis/test.org/v1/things: 500 within the watch: etcd is away']);
  });

  it('for its credentials is tried again with new ones', async () => {
    start();
    (await nextList()).json(listOf(10, []));
    (await nextWatch(10)).fail(401, 'Unauthorized');
    (await nextWatch(10)).watch();
    await following.reflector.ready;
    expect(following.sleeps).toEqual([]);
  });
});

describe('a kind that is gone', () => {
  it('keeps its objects, is asked for at least every ten seconds, and comes back with others', async () => {
    start({ random: () => 1 });
    const { reflector, sleeps } = following;
    (await nextList()).json(listOf(10, [thing('a', 5), thing('b', 6)]));
    (await nextWatch(10)).fail(404, 'NotFound');
    for (let round = 0; round < 6; round += 1) {
      // One after the other.
      (await nextList()).fail(404, 'NotFound');
    }
    const back = await nextList();
    expect(reflector.trouble).toMatch(/^Thing: the API server does not know this kind \(404\): GET /);
    expect(following.sizes()).toEqual({ a: 1, b: 1 });
    expect([reflector.generationVersion, following.counts.changes]).toEqual(['10', 1]);
    expect(sleeps).toHaveLength(7);
    expect(Math.max(...sleeps)).toBe(10_000);
    back.json(listOf(50, [thing('a', 45, { uid: 'new', size: 9 })]));
    await nextWatch(50);
    expect(following.sizes()).toEqual({ a: 9 });
    expect(reflector.items.get('a')?.uid).toBe('new');
    expect([reflector.trouble, reflector.generationVersion]).toEqual([null, '50']);
  });
});

describe('a client that breaks its promise', () => {
  it('is not given up', async () => {
    let lists = 0;
    const notes: string[] = [];
    const broken: ApiClient = {
      server: server.url,
      request: () => {
        lists += 1;
        if (lists < 3) return Promise.reject(new Error('broken'));
        return Promise.resolve({ ok: true, value: listOf(10, [thing('a', 5)]) });
      },
      stream: ({ signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve({ kind: 'aborted' }));
        }),
      close: () => {},
    };
    start();
    const reflector = startReflector(broken, THINGS, {
      onChange: () => {},
      onNote: (note) => notes.push(note),
      sleep: () => Promise.resolve(),
    });
    await reflector.ready;
    expect([...reflector.items.keys()]).toEqual(['a']);
    expect(notes).toEqual(['Thing: broken', 'Thing: broken']);
    await reflector.stop();
  });
});

describe('listeners', () => {
  it('may be few', async () => {
    start();
    (await nextList()).json(listOf(10, []));
    await nextWatch(10);
    const reflector = startReflector(following.client, THINGS, { onChange: () => {}, sleep: () => Promise.resolve() });
    (await nextList()).fail(500, 'InternalError');
    (await nextList()).json(listOf(10, [thing('a', 5, { size: 'large' })]));
    await reflector.ready;
    (await nextWatch(10)).watch().raw('garbage\n');
    (await nextList()).json(listOf(10, [thing('a', 5)]));
    await nextWatch(10);
    expect(reflector.trouble).toBeNull();
    await reflector.stop();
  });

  it('that throw are noted and change nothing', async () => {
    const watching = await startWatching([], {
      onChange: () => {
        throw new Error('ours');
      },
    });
    watching.send('ADDED', thing('c', 11));
    await following.when(version(11), 'it was told');
    await following.when(() => following.notes.length === 2, 'both were noted');
    expect(following.notes).toEqual(['a listener threw: ours', 'a listener threw: ours']);
    expect(following.sizes()).toEqual({ c: 1 });
  });
});

describe('stopping', () => {
  /** What was told must not grow any more. */
  async function expectStopped(): Promise<void> {
    const before = JSON.stringify([following.counts, following.troubles, following.notes]);
    await following.reflector.stop();
    const requests = server.requests;
    // Something that takes a few turns of the loop, for what might still come.
    const elsewhere = following.client.request({ method: 'GET', path: '/elsewhere' });
    const asked = await server.next();
    expect(asked.path).toBe('/elsewhere');
    asked.json({});
    await elsewhere;
    expect(server.requests).toBe(requests + 1);
    expect(JSON.stringify([following.counts, following.troubles, following.notes])).toBe(before);
  }

  it('before anything was answered', async () => {
    start();
    const asked = await nextList();
    await expectStopped();
    await asked.over;
  });

  it('at once after starting', async () => {
    start();
    await following.reflector.stop();
    expect(following.reflector.synced).toBe(false);
  });

  it('within a list', async () => {
    start();
    const answer = (await nextList()).watch();
    answer.raw('{"kind":');
    await expectStopped();
    await answer.over;
  });

  it('between two pages', async () => {
    start();
    (await nextList()).json(listOf(10, [thing('a', 5)], { continue: 'next' }));
    const asked = await nextList();
    await expectStopped();
    await asked.over;
    expect(following.reflector.items.size).toBe(0);
  });

  it('before a watch is answered', async () => {
    start();
    (await nextList()).json(listOf(10, []));
    const asked = await nextWatch(10);
    await expectStopped();
    await asked.over;
  });

  it('within a watch', async () => {
    const watching = await startWatching();
    await expectStopped();
    await watching.over;
  });

  it('while it waits', async () => {
    const waiting = Promise.withResolvers<void>();
    start({
      sleep: (_, signal) => {
        waiting.resolve();
        return sleep(3_600_000, signal);
      },
    });
    (await nextList()).fail(500, 'InternalError');
    await waiting.promise;
    await expectStopped();
  });

  it('by a listener', async () => {
    const stops: Promise<void>[] = [];
    start({
      onChange: () => {
        stops.push(following.reflector.stop());
      },
    });
    (await nextList()).json(listOf(10, []));
    await following.when(() => stops.length === 1, 'it was stopped');
    await stops[0];
    expect(following.counts.events).toBe(0);
  });
});
