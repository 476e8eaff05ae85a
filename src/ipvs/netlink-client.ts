/**
 * The IPVS client over generic netlink.
 */
import { type Connection, openConnection, type OutgoingMessage } from '../netlink/connection.ts';
import { resolveFamily } from '../netlink/genetlink.ts';
import { fail, ok, type NetlinkFailure, type Result } from '../netlink/result.ts';
import { NETLINK_GENERIC, socketTransport } from '../netlink/socket.ts';
import type { OpenTransport } from '../netlink/transport.ts';
import type { IpvsChange, IpvsClient } from './client.ts';
import { IPVS_GENL_NAME } from './codec/constants.ts';
import { type DecodedService, decodeDestination, decodeInfo, decodeService } from './codec/decode.ts';
import { writeChange, writeDestinationsDump, writeInfoRequest, writeServicesDump } from './codec/encode.ts';
import {
  destinationKeyText,
  type IpvsInfo,
  type ObservedDestination,
  type ObservedService,
  serviceKeyText,
} from './types.ts';
import { ipvsWords } from './words.ts';

/** `openTransport` is given by tests. */
export function openIpvs(openTransport: OpenTransport = socketTransport(NETLINK_GENERIC)): IpvsClient {
  const connection = openConnection(openTransport);
  let family: number | null = null;

  const familyId = async (): Promise<Result<number>> => {
    if (family !== null) return ok(family);
    const found = await resolveFamily(connection, IPVS_GENL_NAME);
    if (found.ok) family = found.value;
    return found.ok || found.error.kind !== 'unavailable'
      ? found
      : fail({ ...found.error, message: `${found.error.message}; load it with: modprobe ip_vs` });
  };

  /** The family gets a new number when its module is loaded again; the old one then answers ENOENT. */
  const withFamily = async <T>(run: (type: number) => Promise<Result<T>>): Promise<Result<T>> => {
    const first = await familyId();
    if (!first.ok) return first;
    const result = await run(first.value);
    if (result.ok || result.error.errno !== 'ENOENT') return explained(result);
    family = null;
    const second = await familyId();
    return second.ok ? explained(await run(second.value)) : second;
  };

  return {
    info: () => withFamily((type) => readInfo(connection, type)),
    list: () => withFamily((type) => readTable(connection, type)),
    async change(changes) {
      if (changes.length === 0) return [];
      const type = await familyId();
      if (!type.ok) return changes.map(() => type);
      const results = await connection.batch(changes.map((change) => outgoing(type.value, change)));
      return results.map(explained);
    },
    close: () => connection.close(),
  };
}

const outgoing = (type: number, change: IpvsChange): OutgoingMessage => ({
  type,
  what: ipvsWords(change),
  write: (writer) => writeChange(writer, change),
});

async function readInfo(connection: Connection, type: number): Promise<Result<IpvsInfo>> {
  const answer = await connection.request({ type, what: 'ask for the version of IPVS', write: writeInfoRequest });
  if (!answer.ok) return answer;
  const first = answer.value[0];
  const info = first === undefined ? null : decodeInfo(first.payload);
  return info === null ? unreadable('the version of IPVS') : ok(info);
}

async function readTable(connection: Connection, type: number): Promise<Result<readonly ObservedService[]>> {
  const services = await readServices(connection, type);
  if (!services.ok) return services;
  const table: ObservedService[] = [];
  for (const service of services.value) {
    const destinations = await readDestinations(connection, type, service);
    if (!destinations.ok) return destinations;
    table.push({ ...service, destinations: destinations.value });
  }
  return ok(table);
}

async function readServices(connection: Connection, type: number): Promise<Result<readonly DecodedService[]>> {
  const answer = await connection.dump({ type, what: 'list the IPVS services', write: writeServicesDump });
  if (!answer.ok) return answer;
  // A change by somebody else can make the kernel's index repeat an entry, without a word (ip_vs_genl_dump_services).
  const services = new Map<string, DecodedService>();
  for (const message of answer.value) {
    const service = decodeService(message.payload);
    if (service === null) return unreadable('an IPVS service');
    if (service !== 'unknown') services.set(serviceKeyText(service.key), service);
  }
  return ok([...services.values()]);
}

async function readDestinations(
  connection: Connection,
  type: number,
  { key }: DecodedService,
): Promise<Result<readonly ObservedDestination[]>> {
  const what = `list the destinations of ${serviceKeyText(key)}`;
  const answer = await connection.dump({ type, what, write: (writer) => writeDestinationsDump(writer, key) });
  if (!answer.ok) return answer;
  const destinations = new Map<string, ObservedDestination>();
  for (const message of answer.value) {
    const destination = decodeDestination(message.payload, key.family);
    if (destination === null) return unreadable(`a destination of ${serviceKeyText(key)}`);
    destinations.set(destinationKeyText(destination.key), destination);
  }
  return ok([...destinations.values()]);
}

const unreadable = (what: string): { ok: false; error: NetlinkFailure } =>
  fail({ kind: 'broken', errno: null, message: `the kernel's answer about ${what} could not be read` });

/** EPERM says the same everywhere, and what helps. */
function explained<T>(result: Result<T>): Result<T> {
  if (result.ok || result.error.errno !== 'EPERM') return result;
  const message = `${result.error.message}: IPVS needs CAP_NET_ADMIN in the initial user namespace`;
  return fail({ ...result.error, kind: 'unavailable', message });
}
