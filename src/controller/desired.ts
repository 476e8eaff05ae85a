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
}

export interface Desired {
  /** By service key text. */
  readonly services: ReadonlyMap<string, DesiredService>;
  /** What the kernel may hold for objects that cannot be seen at present, and that therefore stays as it is. */
  readonly retained: Retained;
}

export interface Retained {
  readonly all: boolean;
  readonly uids: ReadonlySet<string>;
}
