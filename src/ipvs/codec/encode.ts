/**
 * IPVS requests as netlink attributes. Pure. The kernel parses liberally: it ignores an attribute that it does not know,
 * so that a wrong number here changes nothing and is not refused. The golden tests compare byte by byte.
 */
import { addressBytes } from '../../net/address.ts';
import { writeGenlHeader } from '../../netlink/genetlink.ts';
import type { MessageWriter } from '../../netlink/writer.ts';
import type { IpvsChange } from '../client.ts';
import {
  type Destination,
  type DestinationKey,
  isMarkKey,
  type Service,
  type ServiceConfig,
  type ServiceKey,
} from '../types.ts';
import {
  AF,
  COMMAND,
  DESTINATION,
  FORWARDING,
  IPPROTO,
  IPVS_GENL_VERSION,
  SERVICE,
  SERVICE_FLAG,
  TOP,
  TUNNEL_CHECKSUM,
  TUNNEL_TYPE,
} from './constants.ts';

const ALL_FLAGS = 0xffffffff;

/** The genl header and attributes of a change. */
export function writeChange(writer: MessageWriter, change: IpvsChange): void {
  writeGenlHeader(writer, commandOf(change.verb), IPVS_GENL_VERSION);
  switch (change.verb) {
    case 'new-service':
    case 'set-service':
      return writeService(writer, change.service);
    case 'delete-service':
      return writer.attributeNested(TOP.service, () => writeServiceKey(writer, change.key));
    case 'new-destination':
    case 'set-destination':
      writer.attributeNested(TOP.service, () => writeServiceKey(writer, change.service));
      return writeDestination(writer, change.destination);
    case 'delete-destination':
      writer.attributeNested(TOP.service, () => writeServiceKey(writer, change.service));
      return writer.attributeNested(TOP.destination, () => writeDestinationKey(writer, change.key));
  }
}

/** GET_SERVICE for a dump of all services. */
export const writeServicesDump = (writer: MessageWriter): void =>
  writeGenlHeader(writer, COMMAND.getService, IPVS_GENL_VERSION);

/** GET_DEST for a dump of one service's destinations. A service that does not exist gives an empty answer, no error. */
export function writeDestinationsDump(writer: MessageWriter, key: ServiceKey): void {
  writeGenlHeader(writer, COMMAND.getDestination, IPVS_GENL_VERSION);
  writer.attributeNested(TOP.service, () => writeServiceKey(writer, key));
}

export const writeInfoRequest = (writer: MessageWriter): void =>
  writeGenlHeader(writer, COMMAND.getInfo, IPVS_GENL_VERSION);

function commandOf(verb: IpvsChange['verb']): number {
  const commands: Record<IpvsChange['verb'], number> = {
    'new-service': COMMAND.newService,
    'set-service': COMMAND.setService,
    'delete-service': COMMAND.deleteService,
    'new-destination': COMMAND.newDestination,
    'set-destination': COMMAND.setDestination,
    'delete-destination': COMMAND.deleteDestination,
  };
  return commands[verb];
}

const writeService = (writer: MessageWriter, { key, config }: Service): void =>
  writer.attributeNested(TOP.service, () => {
    writeServiceKey(writer, key);
    writeServiceConfig(writer, key, config);
  });

function writeServiceKey(writer: MessageWriter, key: ServiceKey): void {
  writer.attributeU16(SERVICE.family, AF[key.family]);
  if (isMarkKey(key)) return writer.attributeU32(SERVICE.firewallMark, key.firewallMark);
  writer.attributeU16(SERVICE.protocol, IPPROTO[key.protocol]);
  writer.attributeBytes(SERVICE.address, addressBytes(key.address));
  writer.attributeU16BigEndian(SERVICE.port, key.port);
}

function writeServiceConfig(writer: MessageWriter, key: ServiceKey, config: ServiceConfig): void {
  writer.attributeString(SERVICE.scheduler, config.scheduler);
  if (config.persistenceEngine !== null) writer.attributeString(SERVICE.persistenceEngine, config.persistenceEngine);
  const persistent = config.persistenceSeconds > 0 ? SERVICE_FLAG.persistent : 0;
  writer.attributeBytes(SERVICE.flags, flagsAndMask((config.flags | persistent) >>> 0));
  writer.attributeU32(SERVICE.timeout, config.persistenceSeconds);
  // IPv4 wants the mask itself in network order, IPv6 the length of its prefix in host order (ip_vs_ctl.c).
  if (key.family === 'ipv4') writer.attributeU32BigEndian(SERVICE.netmask, ipv4Mask(config.persistencePrefixLength));
  else writer.attributeU32(SERVICE.netmask, config.persistencePrefixLength);
}

/** struct ip_vs_flags. All bits are ours to set: a flag means something else to another scheduler. */
function flagsAndMask(flags: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(flags, 0);
  bytes.writeUInt32LE(ALL_FLAGS, 4);
  return bytes;
}

const ipv4Mask = (length: number): number => (length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0);

function writeDestinationKey(writer: MessageWriter, key: DestinationKey): void {
  // Without its family an IPv6 destination of an IPv4 service is not found (ENOENT).
  writer.attributeU16(DESTINATION.family, AF[key.family]);
  writer.attributeBytes(DESTINATION.address, addressBytes(key.address));
  writer.attributeU16BigEndian(DESTINATION.port, key.port);
}

const writeDestination = (writer: MessageWriter, { key, config }: Destination): void =>
  writer.attributeNested(TOP.destination, () => {
    writeDestinationKey(writer, key);
    writer.attributeU32(DESTINATION.forwarding, FORWARDING[config.forwarding]);
    writer.attributeU32(DESTINATION.weight, config.weight);
    writer.attributeU32(DESTINATION.upperThreshold, config.upperThreshold);
    writer.attributeU32(DESTINATION.lowerThreshold, config.lowerThreshold);
    if (config.tunnel === null) return;
    writer.attributeU8(DESTINATION.tunnelType, TUNNEL_TYPE[config.tunnel.type]);
    writer.attributeU16BigEndian(DESTINATION.tunnelPort, config.tunnel.port);
    writer.attributeU16(DESTINATION.tunnelFlags, TUNNEL_CHECKSUM[config.tunnel.checksum]);
  });
