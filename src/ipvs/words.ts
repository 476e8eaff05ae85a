/**
 * Changes in the words of ipvsadm(8), so that a person can read them, check them and enter them by hand.
 */
import type { IpvsChange } from './client.ts';
import { SERVICE_FLAG } from './codec/constants.ts';
import {
  type Destination,
  destinationKeyText,
  endpointText,
  type ForwardingMethod,
  isMarkKey,
  type Service,
  type ServiceConfig,
  type ServiceKey,
  type TunnelConfig,
} from './types.ts';

/** The ipvsadm command that makes the same change. */
export function ipvsWords(change: IpvsChange): string {
  switch (change.verb) {
    case 'new-service':
      return words('-A', serviceWords(change.service));
    case 'set-service':
      return words('-E', serviceWords(change.service));
    case 'delete-service':
      return words('-D', [serviceKeyWords(change.key)]);
    case 'new-destination':
      return words('-a', [serviceKeyWords(change.service), ...destinationWords(change.destination)]);
    case 'set-destination':
      return words('-e', [serviceKeyWords(change.service), ...destinationWords(change.destination)]);
    case 'delete-destination':
      return words('-d', [serviceKeyWords(change.service), '-r', destinationKeyText(change.key)]);
  }
}

const words = (command: string, rest: readonly string[]): string => ['ipvsadm', command, ...rest].join(' ');

/** `-t 192.0.2.1:80`, or `-f 7 -6`. */
function serviceKeyWords(key: ServiceKey): string {
  if (isMarkKey(key)) return `-f ${key.firewallMark}${key.family === 'ipv6' ? ' -6' : ''}`;
  const option = { TCP: '-t', UDP: '-u', SCTP: '--sctp-service' }[key.protocol];
  return `${option} ${endpointText(key)}`;
}

function serviceWords({ key, config }: Service): string[] {
  const all = [serviceKeyWords(key), '-s', config.scheduler];
  if (config.persistenceSeconds > 0) all.push('-p', String(config.persistenceSeconds), ...netmaskWords(key, config));
  if (config.persistenceEngine !== null) all.push('--pe', config.persistenceEngine);
  if ((config.flags & SERVICE_FLAG.onePacket) !== 0) all.push('-o');
  const flags = schedulerFlags(config.flags);
  if (flags.length > 0) all.push('-b', flags.join(','));
  return all;
}

function netmaskWords(key: ServiceKey, { persistencePrefixLength: length }: ServiceConfig): string[] {
  if (key.family === 'ipv6') return length === 128 ? [] : ['-M', String(length)];
  if (length === 32) return [];
  const octets = [0, 8, 16, 24].map((start) => 256 - 2 ** (8 - Math.min(8, Math.max(0, length - start))));
  return ['-M', octets.join('.')];
}

const schedulerFlags = (flags: number): string[] =>
  [SERVICE_FLAG.scheduler1, SERVICE_FLAG.scheduler2, SERVICE_FLAG.scheduler3].flatMap((bit, index) =>
    (flags & bit) === 0 ? [] : [`flag-${index + 1}`],
  );

function destinationWords({ key, config }: Destination): string[] {
  const all = ['-r', destinationKeyText(key), FORWARDING_OPTION[config.forwarding], ...tunnelWords(config.tunnel)];
  all.push('-w', String(config.weight));
  if (config.upperThreshold > 0) all.push('-x', String(config.upperThreshold));
  if (config.lowerThreshold > 0) all.push('-y', String(config.lowerThreshold));
  return all;
}

/** ipvsadm has no word for LocalNode and Bypass, which only the kernel chooses; it shows them so. */
const FORWARDING_OPTION: Readonly<Record<ForwardingMethod, string>> = {
  NAT: '-m',
  Tunnel: '-i',
  DirectRouting: '-g',
  LocalNode: '-l',
  Bypass: '-b',
};

function tunnelWords(tunnel: TunnelConfig | null): string[] {
  if (tunnel === null || tunnel.type === 'ipip') return [];
  const checksum = { none: '--tun-nocsum', checksum: '--tun-csum', remote: '--tun-remcsum' }[tunnel.checksum];
  const port = tunnel.type === 'gue' ? ['--tun-port', String(tunnel.port)] : [];
  return ['--tun-type', tunnel.type, ...port, checksum];
}
