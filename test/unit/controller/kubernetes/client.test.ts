/** Requests to an API server over real TLS, and everything that can go wrong with them. */
import { createServer, type Server, type Socket } from 'node:net';
import { getEventListeners } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BODY_TOO_LARGE } from '../../../../src/controller/kubernetes/api-error.ts';
import {
  openApiClient,
  type ApiClient,
  type ApiError,
  type ApiResult,
} from '../../../../src/controller/kubernetes/client.ts';
import type { ConnectionOptions, Credentials } from '../../../../src/controller/kubernetes/credentials.ts';
import { hostOf } from '../../../../src/controller/kubernetes/exchange.ts';
import { startApiServer, type ApiServer, type Asked } from '../../../support/api-server.ts';
import { newAuthority } from '../../../support/certificates.ts';

let server: ApiServer;
let client: ApiClient;

beforeEach(async () => {
  server = await startApiServer();
  client = openApiClient(server.credentials());
});

afterEach(async () => {
  client.close();
  await server.stop();
});

const PATH = '/api/v1/nodes';
const get = (path = PATH): Promise<ApiResult<unknown>> => client.request({ method: 'GET', path });

async function errorOf(result: Promise<ApiResult<unknown>>): Promise<ApiError> {
  const got = await result;
  if (got.ok) throw new Error(`it went well: ${JSON.stringify(got.value)}`);
  return got.error;
}

/** Credentials that are others after each renewal; the last ones stay. */
function credentialsInTurn(...turns: readonly (Partial<ConnectionOptions> | Error)[]): Credentials {
  let turn = 0;
  return {
    server: server.url,
    trouble: null,
    options: () => {
      const options = turns[Math.min(turn, turns.length - 1)];
      if (options instanceof Error) return Promise.reject(options);
      return Promise.resolve({ headers: {}, ca: server.authority.ca, ...options });
    },
    renew: () => {
      turn += 1;
    },
  };
}

const bearer = (token: string): Partial<ConnectionOptions> => ({ headers: { authorization: `Bearer ${token}` } });

function reopen(credentials: Credentials, options?: Parameters<typeof openApiClient>[1]): void {
  client.close();
  client = openApiClient(credentials, options);
}

describe('a request', () => {
  it('is JSON in both directions', async () => {
    const result = client.request({
      method: 'PATCH',
      path: '/apis/g/v1/things/a/status',
      query: { fieldManager: 'a/b', force: 'true' },
      body: { name: 'ü' },
      contentType: 'application/apply-patch+yaml',
    });
    const asked = await server.next();
    expect(asked).toMatchObject({
      method: 'PATCH',
      path: '/apis/g/v1/things/a/status',
      query: { fieldManager: 'a/b', force: 'true' },
      body: '{"name":"ü"}',
    });
    expect(asked.headers).toMatchObject({
      accept: 'application/json',
      'content-type': 'application/apply-patch+yaml',
      'content-length': '13',
      'user-agent': 'lvs-director',
    });
    asked.json({ some: 'thing' }, 201);
    expect(await result).toEqual({ ok: true, value: { some: 'thing' } });
  });

  it('has the content type of JSON unless told otherwise, and none without a body', async () => {
    const posted = client.request({ method: 'POST', path: PATH, body: {} });
    const first = await server.next();
    expect(first.headers['content-type']).toBe('application/json');
    first.json({});
    await posted;
    const gotten = get();
    const second = await server.next();
    expect(second.headers['content-type']).toBeUndefined();
    second.json({});
    await gotten;
  });

  it('goes to a server that has a path of its own', async () => {
    reopen({ ...server.credentials(), server: new URL(`${server.url.href}clusters/one/`) });
    const result = get();
    const asked = await server.next();
    expect(asked.path).toBe(`/clusters/one${PATH}`);
    asked.json(1);
    expect(await result).toEqual({ ok: true, value: 1 });
  });

  it('without an answer body is null', async () => {
    const result = get();
    (await server.next()).text('', 200);
    expect(await result).toEqual({ ok: true, value: null });
  });

  it('that is answered with other text than JSON is an error with the beginning of the text', async () => {
    const result = errorOf(get());
    (await server.next()).text('<html>login</html>');
    expect(await result).toEqual({
      status: 200,
      reason: null,
      message: 'GET /api/v1/nodes: the answer is not JSON: <html>login</html>',
      retryAfterMs: null,
    });
  });

  it('that is refused tells what the Status object says', async () => {
    const result = errorOf(get());
    (await server.next()).fail(409, 'AlreadyExists');
    expect(await result).toEqual({
      status: 409,
      reason: 'AlreadyExists',
      message: 'GET /api/v1/nodes: 409 told: AlreadyExists',
      retryAfterMs: null,
    });
  });

  it('that is refused without a Status object tells the text', async () => {
    const refused = errorOf(get());
    (await server.next()).text('bad gateway\n', 502);
    expect(await refused).toMatchObject({ status: 502, reason: null, message: 'GET /api/v1/nodes: 502 bad gateway' });
    const silent = errorOf(get());
    (await server.next()).text('', 500);
    expect((await silent).message).toBe('GET /api/v1/nodes: 500 no explanation');
    const redirected = errorOf(get());
    (await server.next()).text('elsewhere', 302);
    expect(await redirected).toMatchObject({ status: 302 });
  });

  it('that is forbidden says that RBAC is what to look at', async () => {
    const result = errorOf(get());
    (await server.next()).fail(403, 'Forbidden');
    expect((await result).message).toMatch(/^GET \/api\/v1\/nodes: 403 told: Forbidden; .*RBAC.*add a rule/);
  });

  it.each([
    ['seconds', '7', 7_000],
    ['a date', new Date(Date.now() + 600_000).toUTCString(), 600_000],
    ['a date that is over', new Date(0).toUTCString(), 0],
    ['nonsense', 'soon', null],
  ])('hears when to come again: %s', async (_, header, expected) => {
    const result = errorOf(get());
    (await server.next()).fail(503, 'ServiceUnavailable', { 'retry-after': header });
    const { retryAfterMs } = await result;
    if (expected === null) expect(retryAfterMs).toBeNull();
    else expect(Math.abs((retryAfterMs ?? Number.NaN) - expected)).toBeLessThan(5_000);
  });

  it('hears from the Status object when to come again', async () => {
    const result = errorOf(get());
    (await server.next()).json({ kind: 'Status', details: { retryAfterSeconds: 3 } }, 429);
    expect((await result).retryAfterMs).toBe(3_000);
  });

  it('reads no more than a part of a long refusal', async () => {
    const result = errorOf(get());
    (await server.next()).text('x'.repeat(10_000_000), 500);
    expect((await result).message.length).toBeLessThan(2_000);
  });

  it('reads at most 64 MiB', async () => {
    const result = errorOf(get());
    const answer = (await server.next()).watch();
    for (let mebibyte = 0; mebibyte < 65; mebibyte += 1) answer.raw(Buffer.alloc(2 ** 20, ' '));
    expect(await result).toMatchObject({ status: 200, reason: BODY_TOO_LARGE });
    await answer.over;
  });

  it('whose answer breaks off is an error', async () => {
    const result = errorOf(get());
    const answer = (await server.next()).watch();
    answer.raw('{"items":[');
    answer.destroy();
    expect(await result).toMatchObject({ status: null, reason: null });
  });

  it('with a header that no header may be is an error', async () => {
    reopen(server.credentials(bearer('a\nb')));
    expect(await errorOf(get())).toMatchObject({ status: null });
  });

  it('with a body that is no JSON is an error', async () => {
    const round: { self?: unknown } = {};
    round.self = round;
    const error = await errorOf(client.request({ method: 'POST', path: PATH, body: round }));
    expect(error.message).toMatch(/^POST \/api\/v1\/nodes: .*circular/);
  });
});

describe('time', () => {
  it('is short for an answer that does not come', async () => {
    const result = errorOf(client.request({ method: 'GET', path: PATH, deadlineMs: 500 }));
    expect(await result).toEqual({
      status: null,
      reason: null,
      message: 'GET /api/v1/nodes: no answer in 0.5 s',
      retryAfterMs: null,
    });
    await (
      await server.next()
    ).over;
  });

  it('is short for an answer that does not end', async () => {
    reopen(server.credentials(), { deadlineMs: 500 });
    const result = errorOf(get());
    const answer = (await server.next()).watch();
    answer.raw('{');
    expect((await result).message).toBe('GET /api/v1/nodes: no answer in 0.5 s');
    await answer.over;
  });

  it('is short for credentials that do not come', async () => {
    reopen({ ...server.credentials(), options: () => new Promise(() => {}) }, { deadlineMs: 50 });
    expect((await errorOf(get())).message).toBe('GET /api/v1/nodes: no answer in 0.05 s');
  });

  it('is over when the caller says so', async () => {
    const controller = new AbortController();
    const result = errorOf(client.request({ method: 'GET', path: PATH, signal: controller.signal }));
    const asked = await server.next();
    controller.abort();
    expect((await result).message).toBe('GET /api/v1/nodes: stopped');
    await asked.over;
    const before = errorOf(client.request({ method: 'GET', path: PATH, signal: controller.signal }));
    expect((await before).message).toBe('GET /api/v1/nodes: stopped');
    expect(server.requests).toBe(1);
  });

  it('is short for connecting only while connecting', async () => {
    reopen(server.credentials(), { connectMs: 1_000, deadlineMs: 5_000 });
    const result = get();
    const asked = await server.next();
    setTimeout(() => asked.json('late'), 1_300);
    expect(await result).toEqual({ ok: true, value: 'late' });
  });

  it('leaves nothing behind at the signal of the caller', async () => {
    const { signal } = new AbortController();
    server.answerBy((asked) => asked.json({}));
    await client.request({ method: 'GET', path: PATH, signal });
    await client.stream({ path: PATH, query: {}, idleMs: 5_000, signal, onLine: () => {} });
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('is over when the client is closed', async () => {
    const result = errorOf(get());
    const stream = client.stream({
      path: PATH,
      query: {},
      idleMs: 5_000,
      signal: new AbortController().signal,
      onLine: () => {},
    });
    const asked = [await server.next(), await server.next()];
    client.close();
    expect((await result).message).toBe('GET /api/v1/nodes: stopped');
    expect(await stream).toEqual({ kind: 'aborted' });
    await Promise.all(asked.map(({ over }) => over));
  });
});

describe('a server that is not there', () => {
  let silent: Server;
  const sockets = new Set<Socket>();

  beforeEach(async () => {
    silent = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
    });
    await new Promise<void>((resolve) => {
      silent.listen(0, '127.0.0.1', resolve);
    });
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
    if (!silent.listening) return;
    await new Promise((resolve) => {
      silent.close(resolve);
    });
  });
  const url = (): URL => new URL(`https://127.0.0.1:${(silent.address() as AddressInfo).port}`);

  it('is looked for where its URL says', () => {
    expect(hostOf(new URL('https://api.example.org'))).toEqual({ hostname: 'api.example.org', port: 443 });
    expect(hostOf(new URL('https://[2001:db8::1]:6443'))).toEqual({ hostname: '2001:db8::1', port: 6443 });
  });

  it('is given up when it takes a connection and says nothing', async () => {
    reopen({ ...server.credentials(), server: url() }, { connectMs: 50 });
    expect((await errorOf(get())).message).toBe('GET /api/v1/nodes: no connection in 0.05 s');
  });

  it('is an error when it takes no connection', async () => {
    const gone = url();
    await new Promise((resolve) => {
      silent.close(resolve);
    });
    reopen({ ...server.credentials(), server: gone });
    expect((await errorOf(get())).message).toMatch(/^GET \/api\/v1\/nodes: .*ECONNREFUSED/);
  });
});

describe('credentials', () => {
  it('are renewed once and at once when they are refused', async () => {
    reopen(credentialsInTurn(bearer('old'), bearer('new')));
    const result = client.request({ method: 'POST', path: PATH, body: { a: 1 } });
    const first = await server.next();
    expect(first.headers.authorization).toBe('Bearer old');
    first.fail(401, 'Unauthorized');
    const second = await server.next();
    expect(second).toMatchObject({ method: 'POST', body: '{"a":1}', headers: { authorization: 'Bearer new' } });
    second.json('welcome');
    expect(await result).toEqual({ ok: true, value: 'welcome' });
    expect(server.connections).toBe(1);
  });

  it('that are refused again are an error that says what to do', async () => {
    const credentials = server.credentials();
    reopen(credentials);
    const result = errorOf(get());
    (await server.next()).fail(401, 'Unauthorized');
    (await server.next()).fail(401, 'Unauthorized');
    expect(await result).toMatchObject({
      status: 401,
      reason: 'Unauthorized',
      message: expect.stringMatching(/^GET \/api\/v1\/nodes: 401 .*does not accept the credentials: check token/),
    });
    expect(credentials.renewals).toBe(1);
  });

  it('that are refused and cannot be renewed are an error that says why', async () => {
    reopen(credentialsInTurn(bearer('old'), new Error('/token cannot be read')));
    const result = errorOf(get());
    (await server.next()).fail(401, 'Unauthorized');
    expect(await result).toMatchObject({
      status: 401,
      message: expect.stringMatching(/401 .*; \/token cannot be read$/),
    });
  });

  it('that cannot be read are an error that says why', async () => {
    reopen(credentialsInTurn(new Error('/token cannot be read')));
    expect(await errorOf(get())).toEqual({
      status: null,
      reason: null,
      message: 'GET /api/v1/nodes: /token cannot be read',
      retryAfterMs: null,
    });
  });

  it('hold the authority that the server must have', async () => {
    const credentials = server.credentials({ ca: newAuthority('stranger').ca });
    reopen(credentials);
    expect((await errorOf(get())).message).toMatch(/^GET \/api\/v1\/nodes: .*certificate/);
    expect(server.requests).toBe(0);
    expect(credentials.renewals).toBe(1);
  });

  it('may say by which name the server is known, or that it is not checked', async () => {
    reopen(server.credentials({ servername: 'elsewhere.example.org' }));
    expect((await errorOf(get())).message).toMatch(/elsewhere\.example\.org/);
    reopen(server.credentials({ ca: newAuthority('stranger').ca, rejectUnauthorized: false }));
    const result = get();
    (await server.next()).json('welcome');
    expect(await result).toEqual({ ok: true, value: 'welcome' });
  });

  it('are renewed when the server has another authority by now', async () => {
    reopen(credentialsInTurn({ ca: newAuthority('old').ca }, {}));
    const result = get();
    (await server.next()).json('welcome');
    expect(await result).toEqual({ ok: true, value: 'welcome' });
  });

  it('hold the certificate of the client, which is renewed like a token', async () => {
    const { authority } = server;
    reopen(credentialsInTurn(newAuthority('stranger').issue('agent'), authority.issue('agent')));
    const result = get();
    const first = await server.next();
    expect(first.certified).toBe(false);
    first.fail(401, 'Unauthorized');
    const second = await server.next();
    expect(second.certified).toBe(true);
    second.json('welcome');
    expect(await result).toEqual({ ok: true, value: 'welcome' });
  });
});

describe('connections', () => {
  const answerAll = (asked: Asked): void => asked.json({ path: asked.path });

  it('are used again', async () => {
    server.answerBy(answerAll);
    for (let round = 0; round < 20; round += 1) {
      // One after the other is the point.
      await get(`/${round}`);
    }
    expect(server.connections).toBe(1);
    expect(server.requests).toBe(20);
  });

  it('are sixteen at most for requests', async () => {
    const results = Array.from({ length: 40 }, (_, index) => get(`/${index}`));
    const asked = await Promise.all(Array.from({ length: 16 }, () => server.next()));
    expect(server.requests).toBe(16);
    server.answerBy(answerAll);
    for (const each of asked) each.json({});
    expect((await Promise.all(results)).every(({ ok }) => ok)).toBe(true);
    expect(server.connections).toBe(16);
  });

  it('are there for requests however many streams are open, and no more than before when they are over', async () => {
    const first = get();
    (await server.next()).json({});
    await first;
    const controller = new AbortController();
    const { signal } = controller;
    const streams = Array.from({ length: 20 }, () =>
      client.stream({ path: PATH, query: {}, idleMs: 60_000, signal, onLine: () => {} }),
    );
    for (const asked of await Promise.all(streams.map(() => server.next()))) asked.watch();
    const result = get();
    (await server.next()).json('there');
    expect(await result).toEqual({ ok: true, value: 'there' });
    controller.abort();
    expect(await Promise.all(streams)).toEqual(streams.map(() => ({ kind: 'aborted' })));
    const before = server.requests;
    const results = Array.from({ length: 40 }, () => get());
    const asked = await Promise.all(Array.from({ length: 16 }, () => server.next()));
    expect(server.requests).toBe(before + 16);
    server.answerBy(answerAll);
    for (const each of asked) each.json({});
    await Promise.all(results);
  });

  it('that nobody uses end when the TLS material changes, and when the client is closed', async () => {
    reopen(credentialsInTurn({}, { ca: [server.authority.ca, newAuthority('next').ca].join('') }));
    const result = get();
    const refused = await server.next();
    refused.fail(401, 'Unauthorized');
    const accepted = await server.next();
    await refused.disconnected;
    accepted.json({});
    expect((await result).ok).toBe(true);
    client.close();
    await accepted.disconnected;
  });

  it('of an ended stream are used again', async () => {
    const { signal } = new AbortController();
    const stream = client.stream({ path: PATH, query: {}, idleMs: 60_000, signal, onLine: () => {} });
    (await server.next()).watch().end();
    expect(await stream).toEqual({ kind: 'closed' });
    server.answerBy(answerAll);
    await get();
    expect(server.connections).toBe(1);
  });

  it('that the server closed meanwhile are replaced, without a word to the caller', async () => {
    const first = get();
    (await server.next()).json({});
    await first;
    const second = get();
    (await server.next()).destroy();
    (await server.next()).json('again');
    expect(await second).toEqual({ ok: true, value: 'again' });
    expect(server.connections).toBe(2);
  });

  it('that break on a POST are an error: it may have been carried out', async () => {
    const first = get();
    (await server.next()).json({});
    await first;
    const second = errorOf(client.request({ method: 'POST', path: PATH, body: {} }));
    (await server.next()).destroy();
    expect(await second).toMatchObject({ status: null });
    expect(server.requests).toBe(2);
  });

  it('that break on their first request are an error', async () => {
    const result = errorOf(get());
    (await server.next()).destroy();
    expect(await result).toMatchObject({ status: null });
    expect(server.requests).toBe(1);
  });

  it('are new after a change of the TLS material only, and a stream goes on over its old one', async () => {
    const { authority } = server;
    reopen(credentialsInTurn(bearer('a'), bearer('b'), { ca: [authority.ca, newAuthority('next').ca].join('') }));
    const lines: string[] = [];
    const { signal } = new AbortController();
    const stream = client.stream({ path: PATH, query: {}, idleMs: 60_000, signal, onLine: (line) => lines.push(line) });
    const watching = (await server.next()).watch();
    const renewing = async (): Promise<void> => {
      const result = get();
      (await server.next()).fail(401, 'Unauthorized');
      (await server.next()).json({});
      await result;
    };
    await renewing();
    expect(server.connections).toBe(2);
    await renewing();
    expect(server.connections).toBe(3);
    watching.raw('still here\n');
    watching.end();
    expect(await stream).toEqual({ kind: 'closed' });
    expect(lines).toEqual(['still here']);
  });
});

describe('a stream', () => {
  const idleMs = 5_000;

  function open(more: Partial<Parameters<ApiClient['stream']>[0]> = {}) {
    const lines: string[] = [];
    const controller = new AbortController();
    const opened = Promise.withResolvers<void>();
    const end = client.stream({
      path: PATH,
      query: { watch: 'true' },
      idleMs,
      signal: controller.signal,
      onOpen: () => opened.resolve(),
      onLine: (line) => lines.push(line),
      ...more,
    });
    return { lines, controller, end, opened: opened.promise };
  }

  it('tells lines, and that it was opened before any', async () => {
    const { lines, end, opened } = open();
    const asked = await server.next();
    expect(asked).toMatchObject({ method: 'GET', path: PATH, query: { watch: 'true' } });
    const watching = asked.watch();
    await opened;
    watching.raw('one\ntw');
    const bytes = Buffer.from('o\nthrée\u2028\nhalf');
    watching.raw(bytes.subarray(0, 6));
    watching.raw(bytes.subarray(6));
    watching.end();
    expect(await end).toEqual({ kind: 'closed' });
    expect(lines).toEqual(['one', 'two', 'thrée\u2028']);
  });

  it('that is refused ends with the error', async () => {
    const { lines, end } = open();
    (await server.next()).fail(410, 'Expired');
    expect(await end).toMatchObject({ kind: 'failed', error: { status: 410, reason: 'Expired' } });
    expect(lines).toEqual([]);
  });

  it('renews credentials that are refused', async () => {
    reopen(credentialsInTurn(bearer('old'), bearer('new')));
    const { end } = open();
    (await server.next()).fail(401, 'Unauthorized');
    (await server.next()).watch().end();
    expect(await end).toEqual({ kind: 'closed' });
  });

  it('that is silent for too long is destroyed', async () => {
    const { end } = open({ idleMs: 50 });
    const watching = (await server.next()).watch();
    expect(await end).toEqual({ kind: 'idle' });
    await watching.over;
  });

  it('that goes on telling is not silent', async () => {
    const enough = Promise.withResolvers<void>();
    let told = 0;
    const { end } = open({
      idleMs: 400,
      onLine: () => {
        told += 1;
        if (told === 8) enough.resolve();
      },
    });
    const watching = (await server.next()).watch();
    // Together longer than the silence that is allowed.
    const timer = setInterval(() => watching.raw('word\n'), 100);
    await Promise.race([enough.promise, end]);
    clearInterval(timer);
    watching.end();
    expect(await end).toEqual({ kind: 'closed' });
  });

  it('with a line that never ends is destroyed', async () => {
    const { end, lines } = open();
    const watching = (await server.next()).watch();
    for (let mebibyte = 0; mebibyte < 17; mebibyte += 1) watching.raw(Buffer.alloc(2 ** 20, 'x'));
    expect(await end).toMatchObject({
      kind: 'failed',
      error: { message: 'GET /api/v1/nodes: a line is longer than 16 MiB' },
    });
    await watching.over;
    expect(lines).toEqual([]);
  });

  it('whose answer does not begin is given up', async () => {
    reopen(server.credentials(), { deadlineMs: 500 });
    const { end } = open();
    const asked = await server.next();
    expect(await end).toMatchObject({ kind: 'failed', error: { message: 'GET /api/v1/nodes: no answer in 0.5 s' } });
    await asked.over;
  });

  it('may go on for longer than a request', async () => {
    reopen(server.credentials(), { deadlineMs: 500 });
    const { end, opened } = open({ idleMs: 800 });
    const watching = (await server.next()).watch();
    await opened;
    expect(await end).toEqual({ kind: 'idle' });
    await watching.over;
  });

  it('whose connection breaks ends with an error', async () => {
    const { end, opened, lines } = open();
    const watching = (await server.next()).watch();
    watching.raw('one\nhal');
    await opened;
    watching.destroy();
    expect(await end).toMatchObject({ kind: 'failed', error: { status: null } });
    expect(lines.every((line) => line === 'one')).toBe(true);
  });

  it('ends when it is aborted, in whatever phase', async () => {
    const before = new AbortController();
    before.abort();
    expect(await open({ signal: before.signal }).end).toEqual({ kind: 'aborted' });
    const unanswered = open();
    const asked = await server.next();
    unanswered.controller.abort();
    expect(await unanswered.end).toEqual({ kind: 'aborted' });
    await asked.over;
    const open_ = open();
    const watching = (await server.next()).watch();
    await open_.opened;
    open_.controller.abort();
    expect(await open_.end).toEqual({ kind: 'aborted' });
    await watching.over;
  });

  it('tells no further line once it is aborted', async () => {
    const controller = new AbortController();
    const lines: string[] = [];
    const { end } = open({
      signal: controller.signal,
      onLine: (line) => {
        lines.push(line);
        controller.abort();
      },
    });
    (await server.next()).watch().raw('one\ntwo\n');
    expect(await end).toEqual({ kind: 'aborted' });
    expect(lines).toEqual(['one']);
  });

  it.each(['onOpen', 'onLine'] as const)('ends with an error when %s throws', async (callback) => {
    const { end } = open({
      [callback]: () => {
        throw new Error('ours');
      },
    });
    const watching = (await server.next()).watch();
    watching.raw('one\n');
    expect(await end).toMatchObject({ kind: 'failed', error: { message: 'GET /api/v1/nodes: ours' } });
    await watching.over;
  });
});
