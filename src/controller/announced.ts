/** The condition Announced: whether somebody on the LAN answers ARP and NDP for the addresses of a VirtualService. Pure. */
import type { Reason } from '../crd/reasons.ts';
import { addressFamily } from '../net/address.ts';
import type { Silence } from './compile.ts';

export interface Announcement {
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: Reason;
  readonly message: string;
}

/**
 * @param addresses canonical addresses of the VirtualService
 * @param silences VIPs for which directors are silent
 * @param isOwn whether an address is one that a node has by itself, and so answers for by itself
 * @param served whether a kernel serves it; null when that is not known
 */
export function announcement(
  addresses: readonly string[],
  silences: ReadonlyMap<string, Silence>,
  isOwn: (address: string) => boolean,
  served: boolean | null,
): Announcement {
  if (served === null) return { status: 'Unknown', reason: 'Pending', message: 'It is not known yet who serves it.' };
  if (!served) {
    return { status: 'False', reason: 'NotAnnounced', message: 'No director serves it, so none answers for it.' };
  }
  const told = addresses.flatMap((address) => {
    const found = isOwn(address) ? null : silenceText(address, silences.get(address));
    return found === null ? [] : [found];
  });
  const [first] = told;
  if (first === undefined) {
    return { status: 'True', reason: 'Announced', message: 'One director answers for it on the LAN.' };
  }
  return { status: 'False', reason: first.reason, message: told.map(({ message }) => message).join('; ') };
}

function silenceText(address: string, silence: Silence | undefined): { reason: Reason; message: string } | null {
  switch (silence) {
    case 'SeveralDirectors':
      return {
        reason: silence,
        message: `several directors have ${address} and it does not fail over, so none answers for it on the LAN: route it to them, or let directors.nodeSelector match one only`,
      };
    case 'ByRoute':
      return {
        reason: silence,
        message: `${address} is not answered for because announce is None: route it to a director`,
      };
    case undefined:
      if (addressFamily(address) === 'ipv4') return null;
      return {
        reason: 'NoNeighbourDiscovery',
        message: `the kernel answers no neighbour solicitations for ${address}, which is on a device of its own: route it to a director`,
      };
  }
}
