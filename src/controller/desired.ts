/**
 * What this node should have, in the kernel's terms and with the object that asked for it. It is the only thing that
 * crosses from objects to the kernel.
 */
import type { Destination, Service } from '../ipvs/types.ts';

/** The object behind something in the kernel. */
export interface Owner {
  readonly uid: string;
  /** `namespace/name` of the VirtualService. */
  readonly name: string;
}

export interface DesiredService {
  readonly owner: Owner;
  readonly service: Service;
  readonly destinations: readonly Destination[];
  readonly masquerade: boolean;
  /** It is not permitted: what is there goes on and is kept up to date, but it is not made. */
  readonly refused: boolean;
  /** Key texts of destinations that are not permitted: they stay where they are, but are not made. */
  readonly refusedDestinations: ReadonlySet<string>;
}

export interface Desired {
  /** By service key text. */
  readonly services: ReadonlyMap<string, DesiredService>;
  /** VIPs that are not answered for on the LAN. */
  readonly silent: ReadonlySet<string>;
  /** What the kernel may hold for objects that cannot be seen at present, and that therefore stays as it is. */
  readonly retained: Retained;
}

/** What the kernel may hold for objects that we cannot see now and therefore must not remove. */
export interface Retained {
  /** Something could not be read and its last good state is not known: anything may be in it. */
  readonly all: boolean;
  readonly uids: ReadonlySet<string>;
}
