/** The real socket's guards around the addon, with an addon that does what the real one does in its worst moments. */
import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NETLINK_GENERIC, socketTransport } from '../../../src/netlink/socket.ts';
import type { NetlinkTransport } from '../../../src/netlink/transport.ts';

const KERNEL = { port: 0, groups: 0 };
const STRANGER = { port: 4_711, groups: 0 };

type SendCallback = (error?: Error) => void;
const addon = vi.hoisted(() => ({ open: vi.fn<(family: number) => unknown>() }));
vi.mock('node:module', () => ({
  createRequire: () => () => ({
    // An addon's class: called with `new`, it may give any object.
    RawNetlinkSocket: function open(family: number) {
      return addon.open(family);
    },
  }),
}));

let raw: EventEmitter;
let send: ReturnType<typeof vi.fn<(datagram: Uint8Array, options: object, callback: SendCallback) => void>>;
let close: ReturnType<typeof vi.fn<() => void>>;
let received: (readonly number[])[];
let broken: string[];
let onDatagram: (datagram: Uint8Array) => void;
let transport: NetlinkTransport;

beforeEach(() => {
  vi.useFakeTimers();
  send = vi.fn<(datagram: Uint8Array, options: object, callback: SendCallback) => void>();
  close = vi.fn<() => void>();
  raw = new EventEmitter();
  addon.open.mockReset();
  addon.open.mockReturnValue(Object.assign(raw, { send, close }));
  received = [];
  broken = [];
  onDatagram = (datagram) => received.push([...datagram]);
  transport = socketTransport(NETLINK_GENERIC)({
    onDatagram: (datagram) => onDatagram(datagram),
    onBroken: (why) => broken.push(why),
  });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a netlink socket', () => {
  it('is of the family that was asked for', () => {
    expect(addon.open).toHaveBeenCalledExactlyOnceWith(16);
  });

  it('gives what the kernel sends', () => {
    raw.emit('message', Uint8Array.from([1, 2]), KERNEL);
    expect(received).toEqual([[1, 2]]);
    expect(broken).toEqual([]);
  });

  it('does not hear other processes, however much they send', () => {
    raw.emit('message', Uint8Array.from([1, 2]), STRANGER);
    raw.emit('truncatedMessage', Uint8Array.from([1, 2]), STRANGER);
    expect(received).toEqual([]);
    expect(broken).toEqual([]);
  });

  it('is broken when a message was cut or the addon says so', () => {
    raw.emit('truncatedMessage', Uint8Array.from([1, 2]), KERNEL);
    raw.emit('error', new Error('ENOBUFS'));
    expect(received).toEqual([]);
    expect(broken).toEqual(['a netlink message was longer than the buffer', 'the netlink socket failed: ENOBUFS']);
  });

  it('is broken when it cannot send, at once or later', () => {
    send.mockImplementationOnce((_datagram, _options, callback) => callback(new Error('EPIPE')));
    transport.send(Uint8Array.from([1]));
    // After an error of its poll the addon has closed itself.
    send.mockImplementationOnce(() => {
      throw new Error('Netlink socket is closed');
    });
    expect(() => transport.send(Uint8Array.from([2]))).not.toThrow();
    send.mockImplementationOnce((_datagram, _options, callback) => callback());
    transport.send(Uint8Array.from([3]));
    expect(broken).toEqual([
      'sending to the kernel failed: EPIPE',
      'sending to the kernel failed: Netlink socket is closed',
    ]);
    expect(send.mock.calls.map(([datagram]) => [...datagram])).toEqual([[1], [2], [3]]);
  });

  it('lets no exception into the addon, and hides none', () => {
    onDatagram = () => {
      throw new Error('a mistake of ours');
    };
    expect(() => raw.emit('message', Uint8Array.from([1]), KERNEL)).not.toThrow();
    expect(() => vi.runAllTimers()).toThrow('a mistake of ours');
  });

  it('that is closed is quiet at once, and closed in the next turn, once', () => {
    transport.close();
    transport.close();
    expect(close).not.toHaveBeenCalled();
    raw.emit('message', Uint8Array.from([1]), KERNEL);
    raw.emit('error', new Error('late'));
    vi.runAllTimers();
    expect(close).toHaveBeenCalledOnce();
    expect(received).toEqual([]);
    expect(broken).toEqual([]);
  });
});
