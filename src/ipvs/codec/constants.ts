/**
 * Numbers of the IPVS netlink interface (include/uapi/linux/ip_vs.h).
 */

export const IPVS_GENL_NAME = 'IPVS';
export const IPVS_GENL_VERSION = 1;

export const COMMAND = {
  newService: 1,
  setService: 2,
  deleteService: 3,
  getService: 4,
  newDestination: 5,
  setDestination: 6,
  deleteDestination: 7,
  getDestination: 8,
  getInfo: 15,
} as const;

/** IPVS_CMD_ATTR_*. */
export const TOP = { service: 1, destination: 2 } as const;

/** IPVS_INFO_ATTR_*: the answer to GET_INFO has these in place of the above. */
export const INFO = { version: 1, connectionTableSize: 2 } as const;

/** IPVS_SVC_ATTR_*. */
export const SERVICE = {
  family: 1,
  protocol: 2,
  address: 3,
  port: 4,
  firewallMark: 5,
  scheduler: 6,
  flags: 7,
  timeout: 8,
  netmask: 9,
  statistics: 10,
  persistenceEngine: 11,
  statistics64: 12,
} as const;

/** IPVS_DEST_ATTR_*. */
export const DESTINATION = {
  address: 1,
  port: 2,
  forwarding: 3,
  weight: 4,
  upperThreshold: 5,
  lowerThreshold: 6,
  activeConnections: 7,
  inactiveConnections: 8,
  persistentConnections: 9,
  statistics: 10,
  family: 11,
  statistics64: 12,
  tunnelType: 13,
  tunnelPort: 14,
  tunnelFlags: 15,
} as const;

/** IPVS_STATS_ATTR_*; the same numbers carry 32 or 64 bits. */
export const STATISTICS = {
  connections: 1,
  incomingPackets: 2,
  outgoingPackets: 3,
  incomingBytes: 4,
  outgoingBytes: 5,
  connectionsPerSecond: 6,
  incomingPacketsPerSecond: 7,
  outgoingPacketsPerSecond: 8,
  incomingBytesPerSecond: 9,
  outgoingBytesPerSecond: 10,
} as const;

export const AF = { ipv4: 2, ipv6: 10 } as const;
export const IPPROTO = { TCP: 6, UDP: 17, SCTP: 132 } as const;

/** IP_VS_SVC_F_*. HASHED belongs to the kernel and is in every dump. */
export const SERVICE_FLAG = {
  persistent: 0x1,
  hashed: 0x2,
  onePacket: 0x4,
  scheduler1: 0x8,
  scheduler2: 0x10,
  scheduler3: 0x20,
} as const;

/** IP_VS_CONN_F_FWD_MASK and its values. */
export const FORWARDING_MASK = 0x7;
export const FORWARDING = { NAT: 0, LocalNode: 1, Tunnel: 2, DirectRouting: 3, Bypass: 4 } as const;

/** IP_VS_CONN_F_TUNNEL_TYPE_*. */
export const TUNNEL_TYPE = { ipip: 0, gue: 1, gre: 2 } as const;
/** IP_VS_TUNNEL_ENCAP_FLAG_*. */
export const TUNNEL_CHECKSUM = { none: 0, checksum: 1, remote: 2 } as const;
