/**
 * Changes of links and addresses in the words of ip(8).
 */
import type { LinkChange } from './links.ts';

/** The ip command that makes the same change. */
export function linkWords(change: LinkChange): string {
  switch (change.verb) {
    case 'create-dummy':
      return `ip link add ${change.name} up type dummy && ip link set ${change.name} alias ${change.alias}`;
    case 'set-up':
      return `ip link set ${change.name} up`;
    case 'delete-link':
      return `ip link delete ${change.name}`;
    case 'add-address':
      return `ip address replace ${hostPrefix(change)} dev ${change.device}${change.family === 'ipv6' ? ' nodad' : ''}`;
    case 'delete-address':
      return `ip address delete ${hostPrefix(change)} dev ${change.device}`;
  }
}

const hostPrefix = ({ address, family }: { address: string; family: 'ipv4' | 'ipv6' }): string =>
  `${address}/${family === 'ipv4' ? 32 : 128}`;
