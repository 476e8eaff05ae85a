/**
 * Links and addresses of this node, over rtnetlink: the dummy device that carries VIPs, and what the node already has.
 */
import type { Result } from '../netlink/result.ts';
import type { AddressFamily } from '../ipvs/types.ts';

export interface Link {
  readonly index: number;
  readonly name: string;
  /** IFLA_INFO_KIND, as `dummy`, `veth`, `bridge`; null for physical and loopback devices. */
  readonly kind: string | null;
  /** IFF_UP. */
  readonly up: boolean;
  /** IFLA_IFALIAS, or null. */
  readonly alias: string | null;
}

export interface LinkAddress {
  readonly linkIndex: number;
  readonly family: AddressFamily;
  /** Canonical text. */
  readonly address: string;
  readonly prefixLength: number;
}

/** One change. All are idempotent in the kernel's own words: see each. */
export type LinkChange =
  /** RTM_NEWLINK kind dummy, created up, with the alias; EEXIST when the name is taken. */
  | { readonly verb: 'create-dummy'; readonly name: string; readonly alias: string }
  | { readonly verb: 'set-up'; readonly name: string }
  | { readonly verb: 'delete-link'; readonly name: string }
  /** RTM_NEWADDR with CREATE|REPLACE, /32 or /128; IPv6 with IFA_F_NODAD. ENODEV when the device is gone. */
  | { readonly verb: 'add-address'; readonly device: string; readonly family: AddressFamily; readonly address: string }
  /** EADDRNOTAVAIL when it is not there. */
  | {
      readonly verb: 'delete-address';
      readonly device: string;
      readonly family: AddressFamily;
      readonly address: string;
    };

export interface LinkClient {
  /** All links and all addresses of this network namespace; one complete answer or an error. */
  list(): Promise<Result<{ readonly links: readonly Link[]; readonly addresses: readonly LinkAddress[] }>>;
  /** In order, one result each; a failing change does not stop the next. */
  change(changes: readonly LinkChange[]): Promise<readonly Result<null>[]>;
  close(): void;
}
