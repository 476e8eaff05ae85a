/**
 * Links and addresses over rtnetlink (include/uapi/linux/rtnetlink.h, if_link.h, if_addr.h).
 */
import type { AddressFamily } from '../ipvs/types.ts';
import { addressBytes, addressText } from '../net/address.ts';
import { type Connection, openConnection, type OutgoingMessage } from '../netlink/connection.ts';
import { nested, parseAttributes, readString } from '../netlink/attributes.ts';
import { type NetlinkMessage, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from '../netlink/message.ts';
import { fail, ok, type NetlinkFailure, type Result } from '../netlink/result.ts';
import { NETLINK_ROUTE, socketTransport } from '../netlink/socket.ts';
import type { OpenTransport } from '../netlink/transport.ts';
import type { MessageWriter } from '../netlink/writer.ts';
import type { Link, LinkAddress, LinkChange, LinkClient } from './links.ts';
import { linkWords } from './rtnetlink-words.ts';

const RTM = {
  newLink: 16,
  deleteLink: 17,
  getLink: 18,
  setLink: 19,
  newAddress: 20,
  deleteAddress: 21,
  getAddress: 22,
} as const;
const AF = { ipv4: 2, ipv6: 10 } as const;
const IFINFOMSG_BYTES = 16;
const IFADDRMSG_BYTES = 8;
const IFF_UP = 0x1;
const IFLA = { name: 3, linkInfo: 18, alias: 20, extMask: 29 } as const;
const IFLA_INFO_KIND = 1;
const RTEXT_FILTER_SKIP_STATS = 0x8;
const IFA = { address: 1, local: 2, flags: 8 } as const;
const IFA_F_NODAD = 0x02;

/** `openTransport` is given by tests. */
export function openLinks(openTransport: OpenTransport = socketTransport(NETLINK_ROUTE)): LinkClient {
  const connection = openConnection(openTransport);
  return {
    list: () => list(connection),
    change: (changes) => changeAll(connection, changes),
    close: () => connection.close(),
  };
}

async function list(
  connection: Connection,
): Promise<Result<{ links: readonly Link[]; addresses: readonly LinkAddress[] }>> {
  const linkDump = await connection.dump({
    type: RTM.getLink,
    what: 'list the links',
    write: (writer) => {
      writeLinkHeader(writer, 0, 0);
      // Counters of every device would fill the answer.
      writer.attributeU32(IFLA.extMask, RTEXT_FILTER_SKIP_STATS);
    },
  });
  if (!linkDump.ok) return linkDump;
  const addressDump = await connection.dump({
    type: RTM.getAddress,
    what: 'list the addresses',
    write: (writer) => writeAddressHeader(writer, null, 0, 0),
  });
  if (!addressDump.ok) return addressDump;
  const links = linkDump.value.map(decodeLink);
  const addresses = addressDump.value.map(decodeAddress);
  if (links.includes(null) || addresses.includes(null)) return unreadable();
  return ok({
    links: links.filter((link) => link !== null),
    addresses: addresses.filter((entry) => entry !== null && entry !== 'other'),
  });
}

/** Neighbouring changes of addresses on one device go in one batch; its index is asked for once. */
async function changeAll(connection: Connection, changes: readonly LinkChange[]): Promise<readonly Result<null>[]> {
  const results: Result<null>[] = [];
  while (results.length < changes.length) {
    const first = changes[results.length];
    if (first === undefined) break;
    if (!isAddressChange(first)) {
      results.push(await changeLink(connection, first));
      continue;
    }
    const run: AddressChange[] = [];
    for (const change of changes.slice(results.length)) {
      if (!isAddressChange(change) || change.device !== first.device) break;
      run.push(change);
    }
    const index = await linkIndex(connection, first.device);
    if (!index.ok) results.push(...run.map(() => index));
    else results.push(...(await connection.batch(run.map((change) => addressMessage(change, index.value)))));
  }
  return results;
}

type AddressChange = Extract<LinkChange, { device: string }>;
const isAddressChange = (change: LinkChange): change is AddressChange => 'device' in change;

async function changeLink(connection: Connection, change: Exclude<LinkChange, AddressChange>): Promise<Result<null>> {
  const what = linkWords(change);
  switch (change.verb) {
    case 'create-dummy': {
      const made = await connection.request({
        type: RTM.newLink,
        flags: NLM_F_CREATE | NLM_F_EXCL,
        what,
        write: (writer) => {
          writeLinkHeader(writer, IFF_UP, IFF_UP);
          writer.attributeString(IFLA.name, change.name);
          writer.attributeNested(IFLA.linkInfo, () => writer.attributeString(IFLA_INFO_KIND, 'dummy'));
        },
      });
      if (!made.ok) return made;
      // The kernel ignores an alias in the message that makes a link (rtnetlink.c:rtnl_create_link).
      return nothing(
        await connection.request({
          type: RTM.setLink,
          what,
          write: (writer) => {
            writeLinkHeader(writer, 0, 0);
            writer.attributeString(IFLA.name, change.name);
            writer.attributeBytes(IFLA.alias, Buffer.from(change.alias));
          },
        }),
      );
    }
    case 'set-up':
      return nothing(await connection.request(namedLink(RTM.setLink, change.name, IFF_UP, what)));
    case 'delete-link':
      return nothing(await connection.request(namedLink(RTM.deleteLink, change.name, 0, what)));
  }
}

const namedLink = (type: number, name: string, flags: number, what: string): OutgoingMessage => ({
  type,
  what,
  write: (writer) => {
    writeLinkHeader(writer, flags, flags);
    writer.attributeString(IFLA.name, name);
  },
});

async function linkIndex(connection: Connection, name: string): Promise<Result<number>> {
  const answer = await connection.request(namedLink(RTM.getLink, name, 0, `find the device ${name}`));
  if (!answer.ok) return answer;
  const link = answer.value[0] === undefined ? null : decodeLink(answer.value[0]);
  return link === null ? unreadable() : ok(link.index);
}

function addressMessage(change: AddressChange, index: number): OutgoingMessage {
  const adds = change.verb === 'add-address';
  const bytes = addressBytes(change.address);
  // Without NODAD an IPv6 address would not answer for a second (on a dummy nobody else can have it anyway).
  const flags = adds && change.family === 'ipv6' ? IFA_F_NODAD : 0;
  return {
    type: adds ? RTM.newAddress : RTM.deleteAddress,
    flags: adds ? NLM_F_CREATE | NLM_F_REPLACE : 0,
    what: linkWords(change),
    write: (writer) => {
      writeAddressHeader(writer, change.family, bytes.byteLength * 8, index);
      writer.attributeBytes(IFA.local, bytes);
      writer.attributeBytes(IFA.address, bytes);
      if (flags !== 0) writer.attributeU32(IFA.flags, flags);
    },
  };
}

/** struct ifinfomsg. */
function writeLinkHeader(writer: MessageWriter, flags: number, change: number): void {
  writer.u8(0);
  writer.u8(0);
  writer.u16(0);
  writer.u32(0);
  writer.u32(flags);
  writer.u32(change);
}

/** struct ifaddrmsg; the flags of eight bits stay empty, IFA_FLAGS has them all. */
function writeAddressHeader(
  writer: MessageWriter,
  family: AddressFamily | null,
  prefixLength: number,
  index: number,
): void {
  writer.u8(family === null ? 0 : AF[family]);
  writer.u8(prefixLength);
  writer.u8(0);
  writer.u8(0);
  writer.u32(index);
}

function decodeLink({ payload }: NetlinkMessage): Link | null {
  if (payload.byteLength < IFINFOMSG_BYTES) return null;
  const view = new DataView(payload.buffer, payload.byteOffset, IFINFOMSG_BYTES);
  const attributes = parseAttributes(payload.subarray(IFINFOMSG_BYTES));
  const name = attributes === null ? null : readString(attributes, IFLA.name);
  if (attributes === null || name === null) return null;
  const info = nested(attributes, IFLA.linkInfo);
  return {
    index: view.getInt32(4, true),
    name,
    kind: info === null ? null : readString(info, IFLA_INFO_KIND),
    up: (view.getUint32(8, true) & IFF_UP) !== 0,
    alias: readString(attributes, IFLA.alias),
  };
}

/** `other` is an address of a family that is none of ours. */
function decodeAddress({ payload }: NetlinkMessage): LinkAddress | 'other' | null {
  if (payload.byteLength < IFADDRMSG_BYTES) return null;
  const family = payload[0] === AF.ipv4 ? 'ipv4' : payload[0] === AF.ipv6 ? 'ipv6' : null;
  if (family === null) return 'other';
  const view = new DataView(payload.buffer, payload.byteOffset, IFADDRMSG_BYTES);
  const attributes = parseAttributes(payload.subarray(IFADDRMSG_BYTES));
  // On a point-to-point link IFA_ADDRESS is the other end; where IFA_LOCAL is missing (IPv6) they are the same.
  const bytes = attributes?.get(IFA.local) ?? attributes?.get(IFA.address);
  if (bytes === undefined || bytes.byteLength !== (family === 'ipv4' ? 4 : 16)) return null;
  return { linkIndex: view.getUint32(4, true), family, address: addressText(bytes), prefixLength: payload[1] ?? 0 };
}

const nothing = (result: Result<unknown>): Result<null> => (result.ok ? ok(null) : result);

const unreadable = (): { ok: false; error: NetlinkFailure } =>
  fail({ kind: 'broken', errno: null, message: "the kernel's answer about links and addresses could not be read" });
