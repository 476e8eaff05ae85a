/** What the API server sends, taken apart: refusals, pages, events and whole lists. */
import { describe, expect, it } from 'vitest';
import { BODY_TOO_LARGE, noAnswer, refusal } from '../../../../src/controller/kubernetes/api-error.ts';
import type { ApiClient, ApiRequest, ApiResult } from '../../../../src/controller/kubernetes/client.ts';
import { listAll, type Listing } from '../../../../src/controller/kubernetes/list.ts';
import { openProjector } from '../../../../src/controller/kubernetes/projector.ts';
import { isOlder, parseEvent, parsePage, type Seen } from '../../../../src/controller/kubernetes/wire.ts';
import { listOf, thing, THINGS } from './following.ts';

describe('a refusal', () => {
  const of = (body: string, retryAfter?: string) => refusal('GET /a', 500, retryAfter, body);

  it.each([
    ['nothing', '', 'GET /a: 500 no explanation', null],
    ['spaces', ' \n', 'GET /a: 500 no explanation', null],
    ['a list', '[]', 'GET /a: 500 []', null],
    ['a Status without words', '{"reason":"Because"}', 'GET /a: 500 {"reason":"Because"}', 'Because'],
    ['a Status with empty words', '{"reason":"","message":""}', 'GET /a: 500 {"reason":"","message":""}', null],
    ['a Status of numbers', '{"reason":1,"message":2}', 'GET /a: 500 {"reason":1,"message":2}', null],
    ['a Status', '{"reason":"Because","message":"so"}', 'GET /a: 500 so', 'Because'],
  ])('may be %s', (_, body, message, reason) => {
    expect(of(body)).toEqual({ status: 500, reason, message, retryAfterMs: null });
  });

  it('is shown up to a thousand characters', () => {
    expect(of('x'.repeat(1_000)).message).toBe(`GET /a: 500 ${'x'.repeat(1_000)}`);
    expect(of('x'.repeat(1_001)).message).toBe(`GET /a: 500 ${'x'.repeat(1_000)}…`);
  });

  it('tells when to come again in its header or in its details', () => {
    const details = (value: unknown): string => JSON.stringify({ details: { retryAfterSeconds: value } });
    expect(of('', ' 12 ').retryAfterMs).toBe(12_000);
    expect(of(details(3), '12').retryAfterMs).toBe(12_000);
    expect(of(details(3)).retryAfterMs).toBe(3_000);
    expect(of(details(3), '').retryAfterMs).toBe(3_000);
    expect(of(details(0)).retryAfterMs).toBeNull();
    expect(of(details('3')).retryAfterMs).toBeNull();
    expect(of('{"details":3}').retryAfterMs).toBeNull();
    expect(of('', '12 monkeys').retryAfterMs).toBeNull();
    expect(of('', '9'.repeat(400)).retryAfterMs).toBeNull();
  });
});

describe('an event', () => {
  const of = (event: unknown) => parseEvent('Thing', JSON.stringify(event));

  it('has an object with its place, whose kind may be missing', () => {
    const object = thing('x/a', 5);
    const { kind: _, ...bare } = object;
    const seen = { key: 'x/a', uid: 'uid-x/a', namespace: 'x', name: 'a', resourceVersion: '5', generation: 1 };
    expect(of({ type: 'ADDED', object })).toEqual({ type: 'present', object: { ...seen, object } });
    expect(of({ type: 'MODIFIED', object: bare })).toEqual({ type: 'present', object: { ...seen, object } });
    expect(of({ type: 'DELETED', object })).toEqual({ type: 'deleted', object: { ...seen, object } });
    expect(of({ type: 'ADDED', object: thing('a', 5, { generation: null }) })).toMatchObject({
      object: { key: 'a', namespace: '', generation: null },
    });
  });

  it('may be an error of any form', () => {
    const nameless = { type: 'error', code: null, reason: null, message: 'no explanation' };
    expect(of({ type: 'ERROR', object: {} })).toEqual(nameless);
    expect(of({ type: 'ERROR', object: { code: '410', reason: 1, message: 2 } })).toEqual(nameless);
    expect(of({ type: 'ERROR', object: { code: 500, reason: 'r', message: 'm' } })).toEqual({
      type: 'error',
      code: 500,
      reason: 'r',
      message: 'm',
    });
  });

  it.each([
    ['name', { name: undefined }],
    ['name but an empty one', { name: '' }],
    ['name but a number', { name: 5 }],
    ['namespace but a number', { namespace: 5 }],
    ['uid', { uid: undefined }],
    ['uid but an empty one', { uid: '' }],
    ['uid but a number', { uid: 5 }],
    ['version', { resourceVersion: undefined }],
    ['version but an empty one', { resourceVersion: '' }],
    ['version but a number', { resourceVersion: 5 }],
  ])('about an object without %s is garbage', (_, more) => {
    const metadata = { name: 'a', uid: 'u', resourceVersion: '5', ...more };
    expect(of({ type: 'ADDED', object: { kind: 'Thing', metadata } })).toMatchObject({ type: 'garbage' });
  });

  it('that is garbage is shown in part', () => {
    expect(parseEvent('Thing', 'x'.repeat(1_000))).toEqual({ type: 'garbage', message: 'x'.repeat(100) });
  });
});

describe('a page', () => {
  it('of something else says of what', () => {
    expect(parsePage('Thing', { kind: 'Status' })).toEqual({
      ok: false,
      message: 'the answer is a Status, not a ThingList',
    });
    expect(parsePage('Thing', {})).toEqual({
      ok: false,
      message: 'the answer is a nameless thing, not a ThingList',
    });
  });
});

describe('versions', () => {
  it('are compared as numbers, if they are', () => {
    expect(isOlder('9', '10')).toBe(true);
    expect(isOlder('10', '9')).toBe(false);
    expect(isOlder('10', '10')).toBe(false);
    expect(isOlder('9', 'x10')).toBe(false);
    expect(isOlder('a9', '10')).toBe(false);
    expect(isOlder('-9', '10')).toBe(false);
    expect(isOlder('1'.repeat(40), '2'.repeat(40))).toBe(true);
    expect(isOlder('1'.repeat(41), '2'.repeat(41))).toBe(false);
  });
});

describe('a whole list', () => {
  const list = (answer: (request: ApiRequest) => ApiResult<unknown>, limit = 500): Promise<Listing<Seen>> => {
    const client: ApiClient = {
      server: new URL('https://localhost'),
      request: (request) => Promise.resolve(answer(request)),
      stream: () => Promise.resolve({ kind: 'closed' }),
      close: () => {},
    };
    const { signal } = new AbortController();
    return listAll(client, {
      kind: 'Thing',
      path: '/things',
      query: {},
      limit,
      signal,
      project: (seen) => seen,
      onPage: () => {},
    });
  };
  const tooLarge = { ...noAnswer('GET /things', 'too large'), status: 200, reason: BODY_TOO_LARGE };

  it('is asked for in pages of half the size until they can be read', async () => {
    const limits: (string | undefined)[] = [];
    const listing = await list(({ query, deadlineMs }) => {
      limits.push(query?.['limit']);
      expect(deadlineMs).toBe(30_000);
      return { ok: false, error: tooLarge };
    }, 7);
    expect(limits).toEqual(['7', '4', '2', '1']);
    expect(listing).toEqual({ kind: 'failed', error: tooLarge });
  });

  it('has the version of its first page', async () => {
    let pages = 0;
    const listing = await list(() => {
      pages += 1;
      return { ok: true, value: listOf(10 + pages, [], pages < 3 ? { continue: `${pages}` } : {}) };
    });
    expect(listing).toEqual({ kind: 'listed', resourceVersion: '11', objects: [] });
  });

  it('ends after a million objects, and after 100,000 pages', async () => {
    const items = Array.from({ length: 100_000 }, () => thing('a', 5));
    let pages = 0;
    const many = await list(() => ({ ok: true, value: listOf(10, items, { continue: String((pages += 1)) }) }));
    expect([many.kind, pages]).toEqual(['nonsense', 11]);
    pages = 0;
    const empty = await list(() => ({ ok: true, value: listOf(10, [], { continue: String((pages += 1)) }) }));
    expect([empty.kind, pages]).toEqual(['nonsense', 100_000]);
  });
});

describe('objects that are not understood', () => {
  it('are noted once each, and again after a thousand others', () => {
    const notes: string[] = [];
    const projector = openProjector({ ...THINGS, project: () => null }, (note) => notes.push(note));
    const project = (number: number): void => {
      const page = parsePage('Thing', listOf(1, [thing(`t${number}`, 1)]));
      if (page.ok) for (const seen of page.objects) projector.project(seen);
    };
    for (let number = 0; number < 1_000; number += 1) project(number);
    project(0);
    project(999);
    expect([notes.length, projector.misunderstood]).toEqual([1_000, 1_002]);
    project(1_000);
    project(0);
    expect([notes.length, projector.misunderstood]).toEqual([1_002, 1_004]);
    expect(notes[0]).toBe('Thing t0 is not understood; its last state that was understood, if any, goes on counting');
  });
});
