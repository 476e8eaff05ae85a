/** The IPVS client against a scripted kernel: its family, its table, its refusals. */
import { describe, expect, it } from 'vitest';
import type { IpvsChange, IpvsClient } from '../../../src/ipvs/client.ts';
import { writeChange } from '../../../src/ipvs/codec/encode.ts';
import { openIpvs } from '../../../src/ipvs/netlink-client.ts';
import type { Destination, Service } from '../../../src/ipvs/types.ts';
import { nested, parseAttributes, readString, readU16BigEndian } from '../../../src/netlink/attributes.ts';
import {
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  type NetlinkMessage,
  parseDatagram,
} from '../../../src/netlink/message.ts';
import { createWriter, type MessageWriter } from '../../../src/netlink/writer.ts';
import { destination, service } from '../../support/desired.ts';
import { acknowledge, datagram, done, type Part } from '../../support/netlink.ts';

const CONTROL = 16;
const FAMILY = 0x25;
const ENOENT = -2;
const EPERM = -1;
const GET_SERVICE = 4;
const GET_DESTINATION = 8;
const GET_INFO = 15;

const WEB = service('TCP/10.0.0.1:80');
const SIX = service('UDP/[2001:db8::1]:53');
const SERVER = destination('10.1.0.1:8080', 3);
const SERVER6 = destination('[2001:db8::2]:5353', 0);

/** What a function writes behind the netlink header. */
function payloadOf(write: (writer: MessageWriter) => void): Uint8Array {
  const writer = createWriter();
  writer.begin(1, 0, 1);
  write(writer);
  writer.end();
  return parseDatagram(writer.take())?.[0]?.payload ?? new Uint8Array();
}
const changeBytes = (change: IpvsChange): Uint8Array => payloadOf((writer) => writeChange(writer, change));
/** Answers have the same attributes as requests. */
const serviceBytes = (entry: Service): Uint8Array => changeBytes({ verb: 'new-service', service: entry });
const destinationBytes = (entry: Destination): Uint8Array =>
  changeBytes({ verb: 'new-destination', service: WEB.key, destination: entry });
/** A service whose protocol is none that we know. */
function strangeBytes(): Uint8Array {
  const bytes = Uint8Array.from(serviceBytes(WEB));
  // The second attribute inside the first: genl header, two attribute headers, the first's value.
  bytes[20] = 50;
  return bytes;
}

const familyAnswer = (sequence: number, family = FAMILY): Part[] => [
  {
    type: CONTROL,
    sequence,
    bytes: payloadOf((writer) => {
      writer.u32(0);
      writer.attributeString(2, 'IPVS');
      writer.attributeU16(1, family);
    }),
  },
  acknowledge(sequence),
];
const infoAnswer = (sequence: number): Part[] => [
  {
    type: FAMILY,
    sequence,
    bytes: payloadOf((writer) => {
      writer.u32(0);
      writer.attributeU32(1, 0x010201);
      writer.attributeU32(2, 4096);
    }),
  },
  acknowledge(sequence),
];

type Answer = (message: NetlinkMessage, all: readonly NetlinkMessage[]) => readonly Part[];

/** A client whose kernel answers each datagram by its last message; and what it was sent. */
function client(answer: Answer): { readonly ipvs: IpvsClient; readonly sent: NetlinkMessage[] } {
  const sent: NetlinkMessage[] = [];
  const ipvs = openIpvs((handlers) => ({
    send: (bytes) => {
      const messages = parseDatagram(bytes) ?? [];
      sent.push(...messages);
      const last = messages.at(-1);
      if (last !== undefined) handlers.onDatagram(datagram(...answer(last, messages)));
    },
    close: () => undefined,
  }));
  return { ipvs, sent };
}

/** A kernel with these entries; its family is found. */
const table =
  (services: readonly Uint8Array[], destinations: (message: NetlinkMessage) => readonly Uint8Array[]): Answer =>
  (message) => {
    const { type, sequence, payload } = message;
    if (type === CONTROL) return familyAnswer(sequence);
    const entries = payload[0] === GET_SERVICE ? services : payload[0] === GET_DESTINATION ? destinations(message) : [];
    return [...entries.map((bytes) => ({ type, sequence, bytes })), done(sequence)];
  };

describe('the family', () => {
  it('is asked for by name, once', async () => {
    const { ipvs, sent } = client(({ type, sequence }) =>
      type === CONTROL ? familyAnswer(sequence) : infoAnswer(sequence),
    );
    expect(await ipvs.info()).toEqual({ ok: true, value: { version: '1.2.1', connectionTableSize: 4096 } });
    expect((await ipvs.info()).ok).toBe(true);
    expect(sent.map(({ type, flags, payload }) => [type, flags, payload[0]])).toEqual([
      [CONTROL, NLM_F_REQUEST | NLM_F_ACK, 3],
      [FAMILY, NLM_F_REQUEST | NLM_F_ACK, GET_INFO],
      [FAMILY, NLM_F_REQUEST | NLM_F_ACK, GET_INFO],
    ]);
    const question = parseAttributes(sent[0]?.payload.subarray(4) ?? new Uint8Array());
    expect(question === null ? null : readString(question, 2)).toBe('IPVS');
  });

  it('that the kernel does not have says how to get it, for every verb', async () => {
    const { ipvs } = client(({ sequence }) => [acknowledge(sequence, ENOENT)]);
    const unavailable = {
      ok: false,
      error: {
        kind: 'unavailable',
        errno: 'ENOENT',
        message: 'the kernel has no IPVS family; load it with: modprobe ip_vs',
      },
    };
    expect(await ipvs.info()).toEqual(unavailable);
    expect(await ipvs.list()).toEqual(unavailable);
    const remove: IpvsChange = { verb: 'delete-service', key: WEB.key };
    expect(await ipvs.change([remove, remove])).toEqual([unavailable, unavailable]);
  });

  it('that has no number in its answer is broken', async () => {
    for (const bytes of [new Uint8Array(), new Uint8Array(4), Uint8Array.from([0, 0, 0, 0, 9, 0, 1])]) {
      const { ipvs } = client(({ type, sequence }) => [{ type, sequence, bytes }, acknowledge(sequence)]);
      expect(await ipvs.info()).toMatchObject({ error: { kind: 'broken', errno: null } });
    }
    const { ipvs: silent } = client(({ sequence }) => [acknowledge(sequence)]);
    expect(await silent.info()).toMatchObject({ error: { kind: 'broken', errno: null } });
  });

  it('that was registered anew is asked for again, once', async () => {
    let family = FAMILY;
    const { ipvs, sent } = client(({ type, sequence }) => {
      if (type === CONTROL) return familyAnswer(sequence, family);
      return type === family ? infoAnswer(sequence) : [acknowledge(sequence, ENOENT)];
    });
    expect((await ipvs.info()).ok).toBe(true);
    family++;
    expect((await ipvs.info()).ok).toBe(true);
    expect(sent.map(({ type }) => type)).toEqual([CONTROL, FAMILY, FAMILY, CONTROL, FAMILY + 1]);
  });

  it('that answers ENOENT under its new number too is left at that', async () => {
    const { ipvs, sent } = client(({ type, sequence }) =>
      type === CONTROL ? familyAnswer(sequence) : [acknowledge(sequence, ENOENT)],
    );
    expect(await ipvs.info()).toMatchObject({ error: { kind: 'kernel', errno: 'ENOENT' } });
    expect(sent).toHaveLength(4);
  });
});

describe('the table', () => {
  it('is every service with its own destinations', async () => {
    const { ipvs, sent } = client(
      table([serviceBytes(WEB), serviceBytes(SIX)], ({ payload }) => {
        const asked = nested(parseAttributes(payload.subarray(4)) ?? new Map(), 1) ?? new Map<number, Uint8Array>();
        return readU16BigEndian(asked, 4) === 80 ? [destinationBytes(SERVER)] : [destinationBytes(SERVER6)];
      }),
    );
    expect(await ipvs.list()).toMatchObject({
      ok: true,
      value: [
        { ...WEB, destinations: [SERVER] },
        { ...SIX, destinations: [SERVER6] },
      ],
    });
    const dump = NLM_F_REQUEST | NLM_F_DUMP;
    expect(sent.slice(1).map(({ type, flags, payload }) => [type, flags, payload[0], payload[1]])).toEqual([
      [FAMILY, dump, GET_SERVICE, 1],
      [FAMILY, dump, GET_DESTINATION, 1],
      [FAMILY, dump, GET_DESTINATION, 1],
    ]);
  });

  it('has an entry once that the kernel repeats, as it was last', async () => {
    const changed: Service = { ...WEB, config: { ...WEB.config, scheduler: 'rr' } };
    const heavier: Destination = { ...SERVER, config: { ...SERVER.config, weight: 9 } };
    const { ipvs } = client(
      table([serviceBytes(WEB), serviceBytes(changed)], () => [destinationBytes(SERVER), destinationBytes(heavier)]),
    );
    const answer = await ipvs.list();
    expect(answer.ok && answer.value).toHaveLength(1);
    expect(answer).toMatchObject({ value: [{ ...changed, destinations: [heavier] }] });
    expect(answer.ok && answer.value[0]?.destinations).toHaveLength(1);
  });

  it('leaves out a service of a protocol that we do not know', async () => {
    const { ipvs } = client(table([strangeBytes(), serviceBytes(WEB)], () => []));
    const answer = await ipvs.list();
    expect(answer.ok && answer.value).toMatchObject([{ ...WEB, destinations: [] }]);
  });

  it('with one entry that cannot be read is no shorter table', async () => {
    const { ipvs } = client(table([serviceBytes(WEB), serviceBytes(SIX).subarray(0, 12)], () => []));
    expect(await ipvs.list()).toMatchObject({
      error: { kind: 'broken', message: "the kernel's answer about an IPVS service could not be read" },
    });
    const { ipvs: other } = client(table([serviceBytes(WEB)], () => [destinationBytes(SERVER), new Uint8Array(4)]));
    expect(await other.list()).toMatchObject({
      error: {
        kind: 'broken',
        message: "the kernel's answer about a destination of TCP/10.0.0.1:80 could not be read",
      },
    });
  });

  it('of which one dump of destinations fails is no shorter table', async () => {
    const whole = table([serviceBytes(WEB), serviceBytes(SIX)], () => []);
    let dumps = 0;
    const { ipvs } = client((message, all) => {
      if (message.payload[0] === GET_DESTINATION) dumps++;
      return dumps === 2 ? [done(message.sequence, -12)] : whole(message, all);
    });
    expect(await ipvs.list()).toMatchObject({ error: { kind: 'kernel', errno: 'ENOMEM' } });
  });
});

describe('changes', () => {
  const add: IpvsChange = { verb: 'new-service', service: WEB };
  const remove: IpvsChange = { verb: 'delete-service', key: SIX.key };

  it('go to the family in order, and have each its own result', async () => {
    const { ipvs, sent } = client(({ type, sequence }, all) =>
      type === CONTROL ? familyAnswer(sequence) : [acknowledge(all[0]?.sequence ?? 0, -17), acknowledge(sequence)],
    );
    expect(await ipvs.change([add, remove])).toMatchObject([
      { ok: false, error: { kind: 'kernel', errno: 'EEXIST' } },
      { ok: true },
    ]);
    expect(
      sent.slice(1).map(({ type, flags, payload }) => [type, flags, Buffer.from(payload).toString('hex')]),
    ).toEqual(
      [add, remove].map((change, index) => [
        FAMILY,
        index === 0 ? NLM_F_REQUEST : NLM_F_REQUEST | NLM_F_ACK,
        Buffer.from(changeBytes(change)).toString('hex'),
      ]),
    );
  });

  it('that may not be made say what is needed', async () => {
    const { ipvs } = client(({ type, sequence }) =>
      type === CONTROL ? familyAnswer(sequence) : [acknowledge(sequence, EPERM)],
    );
    const [result] = await ipvs.change([remove]);
    expect(result).toMatchObject({
      error: { kind: 'unavailable', errno: 'EPERM', message: expect.stringContaining('CAP_NET_ADMIN') as string },
    });
    expect(await ipvs.list()).toMatchObject({ error: { kind: 'unavailable', errno: 'EPERM' } });
  });

  it('of nothing ask the kernel nothing', async () => {
    const { ipvs, sent } = client(() => []);
    expect(await ipvs.change([])).toEqual([]);
    expect(sent).toEqual([]);
  });

  it('after the client was closed fail', async () => {
    const { ipvs, sent } = client(({ sequence }) => familyAnswer(sequence));
    ipvs.close();
    expect(await ipvs.change([remove])).toMatchObject([{ error: { kind: 'broken' } }]);
    expect(sent).toEqual([]);
  });
});
