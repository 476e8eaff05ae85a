/**
 * Scripts that give nodes of a network a way to this machine's loopback: a bridge in the lab's root namespace, which
 * forwards and masquerades for them.
 */
import { HOST_IN_LAB } from './expose.ts';

/** Addresses of 100.64.0.0/10, which nobody uses in a LAN: 64 for each of the 65536 networks that a prefix can name. */
const MOST_NODES = 61;

/** Of the uplink of a network whose prefix is `n` and four hex digits; 1 is the bridge. */
function address(prefix: string, number: number): string {
  const offset = (Number.parseInt(prefix.slice(1), 16) << 6) + number;
  return [100, 64 + (offset >> 16), (offset >> 8) & 255, offset & 255].join('.');
}

const bridge = (prefix: string): string => `${prefix}-up`;

/** For `namespaces`, each with a loopback that is up; nothing for none. */
export function uplinkSetUp(prefix: string, namespaces: readonly string[]): string {
  if (namespaces.length === 0) return '';
  if (namespaces.length > MOST_NODES) throw new RangeError(`at most ${MOST_NODES} nodes of a network have an uplink`);
  const name = bridge(prefix);
  const ports = namespaces.flatMap((namespace, index) => [
    `ip link add ${name}${index} type veth peer name up0 netns ${namespace}`,
    `ip link set ${name}${index} master ${name} up`,
    // Nothing but IPv4, and that only to one address: nobody shall take it for a leg in a LAN.
    `ip netns exec ${namespace} sysctl -qw net.ipv6.conf.up0.disable_ipv6=1`,
    `ip -n ${namespace} address add ${address(prefix, index + 2)}/26 dev up0`,
    `ip -n ${namespace} link set up0 up`,
    `ip -n ${namespace} route add ${HOST_IN_LAB} via ${address(prefix, 1)}`,
  ]);
  return `${[
    `ip link add ${name} up type bridge forward_delay 0 mcast_snooping 0`,
    `ip address add ${address(prefix, 1)}/26 dev ${name}`,
    ...ports,
    // For these devices alone: namespaces that are made later inherit net.ipv4.ip_forward, and it is for directors to set.
    `sysctl -qw net.ipv4.conf.${name}.forwarding=1`,
    // In a guest the way to the host; a native lab has the address itself.
    '[ ! -e /proc/sys/net/ipv4/conf/eth0 ] || sysctl -qw net.ipv4.conf.eth0.forwarding=1',
    `nft 'table ip ${name} { chain out { type nat hook postrouting priority srcnat; ip saddr ${address(prefix, 0)}/26 masquerade; }; }'`,
  ].join('\n')}\n`;
}

export const uplinkTearDown = (prefix: string, namespaces: readonly string[]): string =>
  namespaces.length === 0 ? '' : `ip link delete ${bridge(prefix)}\nnft delete table ip ${bridge(prefix)}\n`;
