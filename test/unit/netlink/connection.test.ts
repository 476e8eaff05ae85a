/** A connection against a scripted kernel: answers in order, late, cut short, interrupted, or not at all. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Connection, openConnection, type OutgoingMessage } from '../../../src/netlink/connection.ts';
import {
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
  type NetlinkMessage,
  parseDatagram,
} from '../../../src/netlink/message.ts';
import type { TransportHandlers } from '../../../src/netlink/transport.ts';
import { createWriter } from '../../../src/netlink/writer.ts';

const EEXIST = -17;
const EPERM = -1;

interface Socket {
  readonly handlers: TransportHandlers;
  readonly sent: (readonly NetlinkMessage[])[];
  closed: boolean;
}

let sockets: Socket[];
let connection: Connection;
/** Called with each datagram that is sent. */
let kernel: (messages: readonly NetlinkMessage[], socket: Socket) => void;

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  kernel = () => undefined;
  connection = openConnection(
    (handlers) => {
      const socket: Socket = { handlers, sent: [], closed: false };
      sockets.push(socket);
      return {
        send: (bytes) => {
          const messages = parseDatagram(bytes) ?? [];
          socket.sent.push(messages);
          kernel(messages, socket);
        },
        close: () => {
          socket.closed = true;
        },
      };
    },
    { deadlineMs: 1_000 },
  );
});

afterEach(() => {
  connection.close();
  vi.useRealTimers();
});

interface Part {
  readonly type: number;
  readonly sequence: number;
  readonly flags?: number;
  readonly words?: readonly number[];
}

/** A datagram of the kernel. */
function datagram(...parts: readonly Part[]): Uint8Array {
  const writer = createWriter();
  for (const { type, sequence, flags = 0, words = [] } of parts) {
    writer.begin(type, flags, sequence);
    for (const word of words) writer.u32(word >>> 0);
    writer.end();
  }
  return writer.take();
}
const acknowledge = (sequence: number, errno = 0): Part => ({ type: NLMSG_ERROR, sequence, words: [errno] });
const entry = (sequence: number, word: number, flags = 0): Part => ({ type: 40, sequence, flags, words: [word] });
const done = (sequence: number, errno = 0): Part => ({ type: NLMSG_DONE, sequence, words: [errno] });

const ask = (what = 'ask', bytes = 4): OutgoingMessage => ({
  type: 30,
  what,
  write: (writer) => writer.bytes(new Uint8Array(bytes)),
});
const last = (socket = sockets.at(-1)): NetlinkMessage => {
  const message = socket?.sent.at(-1)?.at(-1);
  if (message === undefined) throw new Error('nothing was sent');
  return message;
};
/** Lets what waits for promises run; no time passes. */
const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);
const words = (messages: readonly NetlinkMessage[]): number[] =>
  messages.map(({ payload }) => new DataView(payload.buffer, payload.byteOffset, 4).getUint32(0, true));

describe('a request', () => {
  it('asks for an acknowledgement and gives what came before it', async () => {
    const answer = connection.request(ask());
    await settle();
    expect(last().flags & NLM_F_ACK).not.toBe(0);
    sockets[0]?.handlers.onDatagram(datagram(entry(last().sequence, 7), acknowledge(last().sequence)));
    const result = await answer;
    expect(result.ok && words(result.value)).toEqual([7]);
  });

  it('that is refused says what was asked, and the errno', async () => {
    kernel = ([message], socket) => socket.handlers.onDatagram(datagram(acknowledge(message?.sequence ?? 0, EPERM)));
    expect(await connection.request(ask('add a thing'))).toEqual({
      ok: false,
      error: { kind: 'kernel', errno: 'EPERM', message: 'add a thing: the kernel refused it with EPERM' },
    });
    // A refusal is an answer: the socket stays.
    expect(sockets).toHaveLength(1);
    expect(sockets[0]?.closed).toBe(false);
  });

  it('without an answer ends at the deadline, and a late answer meets nobody', async () => {
    const answer = connection.request(ask('add a thing'));
    await settle();
    const late = last().sequence;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await answer).toMatchObject({ ok: false, error: { kind: 'timeout', errno: null } });
    expect(sockets[0]?.closed).toBe(true);

    const next = connection.request(ask());
    await settle();
    expect(sockets).toHaveLength(2);
    sockets[0]?.handlers.onDatagram(datagram(acknowledge(late)));
    // Even if it had the number of the new one.
    sockets[0]?.handlers.onDatagram(datagram(acknowledge(last().sequence, EPERM)));
    sockets[1]?.handlers.onDatagram(datagram(acknowledge(last().sequence)));
    expect((await next).ok).toBe(true);
  });

  it('passes over what belongs to others', async () => {
    const answer = connection.request(ask());
    await settle();
    const { sequence } = last();
    sockets[0]?.handlers.onDatagram(datagram(entry(sequence + 1, 1), acknowledge(0), entry(sequence, 2)));
    sockets[0]?.handlers.onDatagram(datagram(acknowledge(sequence)));
    const result = await answer;
    expect(result.ok && words(result.value)).toEqual([2]);
  });

  it.each([
    ['garbage', Uint8Array.from([1, 2, 3])],
    ['a length that lies', Uint8Array.from([255, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])],
    ['an acknowledgement without an errno', datagram({ type: NLMSG_ERROR, sequence: 1 })],
  ])('answered with %s is broken', async (_what, bytes) => {
    kernel = (_messages, socket) => socket.handlers.onDatagram(bytes);
    expect(await connection.request(ask())).toMatchObject({ ok: false, error: { kind: 'broken' } });
  });

  it('on a socket that breaks says why, and the next one gets another', async () => {
    kernel = (_messages, socket) => socket.handlers.onBroken('ENOBUFS');
    expect(await connection.request(ask('list'))).toMatchObject({
      ok: false,
      error: { kind: 'broken', message: 'list: ENOBUFS' },
    });
    kernel = ([message], socket) => socket.handlers.onDatagram(datagram(acknowledge(message?.sequence ?? 0)));
    expect((await connection.request(ask())).ok).toBe(true);
    expect(sockets).toHaveLength(2);
  });

  it('waits until those before it are answered', async () => {
    const first = connection.request(ask());
    const second = connection.request(ask());
    await settle();
    expect(sockets[0]?.sent).toHaveLength(1);
    sockets[0]?.handlers.onDatagram(datagram(acknowledge(last().sequence, EEXIST)));
    expect((await first).ok).toBe(false);
    await settle();
    expect(sockets[0]?.sent).toHaveLength(2);
    sockets[0]?.handlers.onDatagram(datagram(acknowledge(last().sequence)));
    expect((await second).ok).toBe(true);
  });

  it('is refused when too many wait already', async () => {
    const waiting = Array.from({ length: 1_000 }, () => connection.request(ask()));
    expect(await connection.request(ask())).toMatchObject({
      error: { kind: 'broken', message: 'more than 1000 netlink operations are waiting' },
    });
    connection.close();
    const results = await Promise.all(waiting);
    expect(results.some((result) => result.ok)).toBe(false);
  });

  it('under way ends when the connection is closed, and none begins after that', async () => {
    const answer = connection.request(ask());
    await settle();
    connection.close();
    expect(await answer).toMatchObject({ ok: false, error: { kind: 'broken' } });
    expect(await connection.request(ask())).toMatchObject({ ok: false, error: { kind: 'broken' } });
    expect(sockets).toHaveLength(1);
  });

  it('whose socket cannot be opened says why', async () => {
    const none = openConnection(() => {
      throw new Error('EMFILE');
    });
    expect(await none.request(ask())).toMatchObject({
      error: { kind: 'unavailable', message: 'cannot open a netlink socket: EMFILE' },
    });
  });
});

describe('a dump', () => {
  it('is all its parts, to the end', async () => {
    const answer = connection.dump(ask());
    await settle();
    const { sequence, flags } = last();
    expect(flags & NLM_F_DUMP).toBe(NLM_F_DUMP);
    sockets[0]?.handlers.onDatagram(datagram(entry(sequence, 1), entry(sequence, 2)));
    sockets[0]?.handlers.onDatagram(datagram(entry(sequence, 3), done(sequence)));
    const result = await answer;
    expect(result.ok && words(result.value)).toEqual([1, 2, 3]);
  });

  it('that was interrupted is made again', async () => {
    let attempts = 0;
    kernel = ([message], socket) => {
      attempts++;
      const sequence = message?.sequence ?? 0;
      const flags = attempts < 3 ? NLM_F_DUMP_INTR : 0;
      socket.handlers.onDatagram(datagram(entry(sequence, attempts, flags), done(sequence)));
    };
    const result = await connection.dump(ask());
    expect(result.ok && words(result.value)).toEqual([3]);
  });

  it('that is interrupted again and again is no answer', async () => {
    let attempts = 0;
    kernel = ([message], socket) => {
      attempts++;
      // The flag may stand at the end alone.
      socket.handlers.onDatagram(datagram({ ...done(message?.sequence ?? 0), flags: NLM_F_DUMP_INTR }));
    };
    expect(await connection.dump(ask('list'))).toMatchObject({ ok: false, error: { kind: 'broken' } });
    expect(attempts).toBe(5);
  });

  it('that fails half-way is no shorter answer', async () => {
    kernel = ([message], socket) => {
      const sequence = message?.sequence ?? 0;
      socket.handlers.onDatagram(datagram(entry(sequence, 1), done(sequence, EPERM)));
    };
    expect(await connection.dump(ask())).toMatchObject({ ok: false, error: { kind: 'kernel', errno: 'EPERM' } });
  });

  it('whose end stays away is no shorter answer', async () => {
    const answer = connection.dump(ask());
    await settle();
    sockets[0]?.handlers.onDatagram(datagram(entry(last().sequence, 1)));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await answer).toMatchObject({ ok: false, error: { kind: 'timeout' } });
  });
});

describe('a batch', () => {
  it('goes in one datagram, of which only the last message asks to be acknowledged', async () => {
    const answer = connection.batch([ask('a'), ask('b'), ask('c')]);
    await settle();
    const [messages = []] = sockets[0]?.sent ?? [];
    expect(messages.map(({ flags }) => (flags & NLM_F_ACK) !== 0)).toEqual([false, false, true]);
    const [first = 0, , third = 0] = messages.map(({ sequence }) => sequence);
    sockets[0]?.handlers.onDatagram(datagram(acknowledge(first, EEXIST)));
    sockets[0]?.handlers.onDatagram(datagram(acknowledge(third)));
    expect(await answer).toEqual([
      { ok: false, error: { kind: 'kernel', errno: 'EEXIST', message: 'a: the kernel refused it with EEXIST' } },
      { ok: true, value: null },
      { ok: true, value: null },
    ]);
  });

  it('whose last message is refused is answered too', async () => {
    kernel = (messages, socket) =>
      socket.handlers.onDatagram(datagram(acknowledge(messages.at(-1)?.sequence ?? 0, EPERM)));
    const results = await connection.batch([ask('a'), ask('b')]);
    expect(results.map((result) => result.ok)).toEqual([true, false]);
  });

  it.each([
    ['more than 64 messages', 200, 4, [64, 64, 64, 8]],
    ['more than 64 kB', 40, 4_000, [17, 17, 6]],
  ])('of %s goes in parts', async (_what, count, bytes, parts) => {
    kernel = (messages, socket) => socket.handlers.onDatagram(datagram(acknowledge(messages.at(-1)?.sequence ?? 0)));
    const results = await connection.batch(Array.from({ length: count }, () => ask('a', bytes)));
    expect(results).toHaveLength(count);
    expect(results.every((result) => result.ok)).toBe(true);
    expect(sockets[0]?.sent.map((messages) => messages.length)).toEqual(parts);
  });

  it('without an answer is uncertain as far as it was sent, and the rest is not sent', async () => {
    const answer = connection.batch(Array.from({ length: 70 }, (_, index) => ask(`message ${index}`)));
    await settle();
    const [messages = []] = sockets[0]?.sent ?? [];
    sockets[0]?.handlers.onDatagram(datagram(acknowledge(messages[3]?.sequence ?? 0, EEXIST)));
    await vi.advanceTimersByTimeAsync(1_000);
    const results = await answer;
    const kinds = results.map((result) => (result.ok ? 'ok' : result.error.kind));
    expect(kinds[3]).toBe('kernel');
    expect(new Set(kinds.toSpliced(3, 1))).toEqual(new Set(['timeout']));
    expect(results[69]).toMatchObject({ error: { message: expect.stringContaining('not sent') as string } });
    expect(sockets.flatMap((socket) => socket.sent)).toHaveLength(1);
  });

  it('of nothing sends nothing', async () => {
    expect(await connection.batch([])).toEqual([]);
    expect(sockets).toEqual([]);
  });
});
