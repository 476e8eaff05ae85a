/** A connection against a scripted kernel: answers in order, late, cut short, interrupted, or not at all. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Connection, openConnection, type OutgoingMessage } from '../../../src/netlink/connection.ts';
import {
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  type NetlinkMessage,
  parseDatagram,
} from '../../../src/netlink/message.ts';
import type { TransportHandlers } from '../../../src/netlink/transport.ts';
import { acknowledge, datagram, done, type Part } from '../../support/netlink.ts';

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

const entry = (sequence: number, word: number, flags = 0): Part => ({ type: 40, sequence, flags, words: [word] });

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

  it('is not answered by an answer to the one before it', async () => {
    kernel = ([message], socket) => socket.handlers.onDatagram(datagram(acknowledge(message?.sequence ?? 0)));
    expect((await connection.request(ask())).ok).toBe(true);
    const old = last().sequence;
    kernel = () => undefined;
    const next = connection.request(ask());
    await settle();
    expect(sockets).toHaveLength(1);
    sockets[0]?.handlers.onDatagram(datagram(entry(old, 1), acknowledge(old, EPERM)));
    sockets[0]?.handlers.onDatagram(datagram(entry(last().sequence, 2), acknowledge(last().sequence)));
    const result = await next;
    expect(result.ok && words(result.value)).toEqual([2]);
  });

  it('ends before what came behind its acknowledgement', async () => {
    kernel = ([message], socket) => {
      const sequence = message?.sequence ?? 0;
      socket.handlers.onDatagram(datagram(acknowledge(sequence), entry(sequence, 1), acknowledge(sequence, EPERM)));
    };
    expect(await connection.request(ask())).toEqual({ ok: true, value: [] });
  });

  it('has the flags of its message besides its own', async () => {
    const answer = connection.request({ ...ask(), flags: NLM_F_CREATE });
    await settle();
    expect(last()).toMatchObject({ type: 30, flags: NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE });
    connection.close();
    expect((await answer).ok).toBe(false);
  });

  it('without an answer holds up those behind it until the deadline only, and each has its own', async () => {
    const first = connection.request(ask('first'));
    const second = connection.request(ask('second'));
    const third = connection.request(ask('third'));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await first).toMatchObject({
      error: { kind: 'timeout', message: expect.stringContaining('first') as string },
    });
    expect(sockets).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(999);
    sockets[1]?.handlers.onDatagram(datagram(acknowledge(last().sequence)));
    expect((await second).ok).toBe(true);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await third).toMatchObject({
      error: { kind: 'timeout', message: expect.stringContaining('third') as string },
    });
  });

  it('waits five seconds where nothing else is said', async () => {
    let ended = false;
    const answer = openConnection(() => ({ send: () => undefined, close: () => undefined }))
      .request(ask())
      .finally(() => {
        ended = true;
      });
    await vi.advanceTimersByTimeAsync(4_999);
    expect(ended).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await answer).toMatchObject({
      error: { kind: 'timeout', message: expect.stringContaining('5000 ms') as string },
    });
  });

  it('gets a new socket when the old one broke while nobody waited', async () => {
    kernel = ([message], socket) => socket.handlers.onDatagram(datagram(acknowledge(message?.sequence ?? 0)));
    expect((await connection.request(ask())).ok).toBe(true);
    sockets[0]?.handlers.onBroken('error when polling socket');
    expect(sockets[0]?.closed).toBe(true);
    expect((await connection.request(ask())).ok).toBe(true);
    expect(sockets.map(({ sent }) => sent.length)).toEqual([1, 1]);
  });

  it('is not harmed by a socket that breaks after it was replaced', async () => {
    const first = connection.request(ask());
    await vi.advanceTimersByTimeAsync(1_000);
    expect((await first).ok).toBe(false);
    const second = connection.request(ask());
    await settle();
    sockets[0]?.handlers.onBroken('ENOBUFS');
    sockets[1]?.handlers.onDatagram(datagram(acknowledge(last().sequence)));
    expect((await second).ok).toBe(true);
  });

  it('is whole when the one before it could not be written', async () => {
    kernel = (messages, socket) => {
      const sequence = messages.at(-1)?.sequence;
      if (sequence !== undefined) socket.handlers.onDatagram(datagram(acknowledge(sequence)));
    };
    const impossible: OutgoingMessage = {
      type: 30,
      what: 'impossible',
      write: (writer) => writer.attributeNested(1, () => writer.u32(-1)),
    };
    await expect(connection.request(impossible)).rejects.toThrow(RangeError);
    await expect(connection.batch([ask('never sent'), impossible])).rejects.toThrow(RangeError);
    const next = connection.request(ask('next', 8));
    await settle();
    const sent = sockets.flatMap((socket) => socket.sent);
    expect(sent.map((messages) => messages.map(({ payload }) => payload.byteLength))).toEqual([[8]]);
    expect((await next).ok).toBe(true);
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

  it.each<[string, (sequence: number) => Uint8Array]>([
    ['garbage', () => Uint8Array.from([1, 2, 3])],
    ['zeroes', () => new Uint8Array(64)],
    [
      'a datagram whose last message is cut',
      (sequence) => datagram(entry(sequence, 2), done(sequence)).subarray(0, -1),
    ],
    [
      'a message that is said to be longer than its datagram',
      (sequence) => {
        const bytes = datagram(entry(sequence, 2), done(sequence));
        bytes[20] = 24;
        return bytes;
      },
    ],
    ['an end without an errno', (sequence) => datagram({ type: NLMSG_DONE, sequence })],
    ['an end of half an errno', (sequence) => datagram({ type: NLMSG_DONE, sequence, bytes: new Uint8Array(3) })],
  ])('with %s behind its first part is no shorter answer', async (_what, garbage) => {
    const answer = connection.dump(ask('list'));
    await settle();
    const { sequence } = last();
    sockets[0]?.handlers.onDatagram(datagram(entry(sequence, 1)));
    sockets[0]?.handlers.onDatagram(garbage(sequence));
    expect(await answer).toMatchObject({
      ok: false,
      error: { kind: 'broken', errno: null, message: expect.stringMatching(/^list: /) as string },
    });
  });

  it('cut anywhere is no shorter answer', async () => {
    const whole = (sequence: number): Uint8Array => datagram(entry(sequence, 1), entry(sequence, 2), done(sequence));
    for (let cut = 0; cut < whole(1).byteLength; cut++) {
      kernel = ([message], socket) => socket.handlers.onDatagram(whole(message?.sequence ?? 0).subarray(0, cut));
      const answer = connection.dump(ask());
      await vi.advanceTimersByTimeAsync(1_000);
      // Between two messages it is only the end that is missing.
      expect(await answer).toMatchObject({ error: { kind: cut % 20 === 0 ? 'timeout' : 'broken' } });
    }
  });

  it('that is refused when it is made again, is refused', async () => {
    let attempts = 0;
    kernel = ([message], socket) => {
      attempts++;
      const sequence = message?.sequence ?? 0;
      if (attempts === 1) socket.handlers.onDatagram(datagram(entry(sequence, 1, NLM_F_DUMP_INTR), done(sequence)));
      else socket.handlers.onDatagram(datagram(acknowledge(sequence, EPERM)));
    };
    expect(await connection.dump(ask())).toMatchObject({ error: { kind: 'kernel', errno: 'EPERM' } });
    expect(attempts).toBe(2);
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
    ['64 messages and one', 65, 4, [64, 1]],
    ['64 messages', 64, 4, [64]],
    ['more than 64 kB', 40, 4_000, [17, 17, 6]],
    ['messages that fill a part exactly', 3, 64 * 1024 - 16, [1, 1, 1]],
    ['messages of more than 64 kB each', 3, 100_000, [1, 1, 1]],
  ])('of %s goes in parts', async (_what, count, bytes, parts) => {
    kernel = (messages, socket) => socket.handlers.onDatagram(datagram(acknowledge(messages.at(-1)?.sequence ?? 0)));
    const results = await connection.batch(Array.from({ length: count }, () => ask('a', bytes)));
    expect(results).toHaveLength(count);
    expect(results.every((result) => result.ok)).toBe(true);
    expect(sockets[0]?.sent.map((messages) => messages.length)).toEqual(parts);
  });

  it('in parts gives each message its own result', async () => {
    const refused = new Set([0, 5, 63, 64, 127, 129]);
    let before = 0;
    kernel = (messages, socket) => {
      const answers = messages.flatMap(({ sequence }, index) =>
        refused.has(before + index) ? [acknowledge(sequence, EEXIST)] : [],
      );
      before += messages.length;
      // What succeeds is not answered, apart from the last.
      if (!refused.has(before - 1)) answers.push(acknowledge(messages.at(-1)?.sequence ?? 0));
      for (const answer of answers) socket.handlers.onDatagram(datagram(answer));
    };
    const results = await connection.batch(Array.from({ length: 130 }, (_, index) => ask(`message ${index}`)));
    expect(results).toHaveLength(130);
    results.forEach((result, index) => {
      if (!refused.has(index)) expect(result).toEqual({ ok: true, value: null });
      else
        expect(result).toMatchObject({
          error: { errno: 'EEXIST', message: expect.stringContaining(`message ${index}:`) as string },
        });
    });
  });

  it('is not ended by an answer to something else', async () => {
    const answer = connection.batch([ask('a'), ask('b')]);
    await settle();
    const { sequence } = last();
    sockets[0]?.handlers.onDatagram(
      datagram(acknowledge(0, EPERM), acknowledge(sequence + 1, EPERM), entry(sequence, 1)),
    );
    sockets[0]?.handlers.onDatagram(datagram(acknowledge(sequence)));
    expect((await answer).map((result) => result.ok)).toEqual([true, true]);
  });

  it('with an answer that is cut short is uncertain about that message alone', async () => {
    kernel = ([first, second], socket) =>
      socket.handlers.onDatagram(
        datagram({ type: NLMSG_ERROR, sequence: first?.sequence ?? 0 }, acknowledge(second?.sequence ?? 0)),
      );
    expect(await connection.batch([ask('a'), ask('b')])).toMatchObject([{ error: { kind: 'broken' } }, { ok: true }]);
  });

  it('whose answer is garbage is uncertain', async () => {
    kernel = (_messages, socket) => socket.handlers.onDatagram(Uint8Array.from([1, 2, 3]));
    const results = await connection.batch([ask('a'), ask('b')]);
    expect(results.map((result) => (result.ok ? 'ok' : result.error.kind))).toEqual(['broken', 'broken']);
  });

  it('under way when the connection is closed fails whole, with all that waits behind it', async () => {
    const batch = connection.batch(Array.from({ length: 70 }, () => ask()));
    const dump = connection.dump(ask());
    const request = connection.request(ask());
    await settle();
    connection.close();
    const results = [...(await batch), await dump, await request];
    expect(results).toHaveLength(72);
    for (const result of results) {
      expect(result).toMatchObject({
        error: { kind: 'broken', message: expect.stringContaining('was closed') as string },
      });
    }
    expect(sockets.map(({ sent, closed }) => ({ sent: sent.length, closed }))).toEqual([{ sent: 1, closed: true }]);
    expect(vi.getTimerCount()).toBe(0);
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
