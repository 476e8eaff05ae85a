/**
 * The verbs of IPVS as an interface, so that the plan can be applied to a kernel, to a fault injector or to a kernel in memory.
 */
import type { Result } from '../netlink/result.ts';
import type { Destination, DestinationKey, IpvsInfo, ObservedService, Service, ServiceKey } from './types.ts';

/** One change of the table. The order inside a batch is the order in which the kernel runs them. */
export type IpvsChange =
  | { readonly verb: 'new-service'; readonly service: Service }
  | { readonly verb: 'set-service'; readonly service: Service }
  | { readonly verb: 'delete-service'; readonly key: ServiceKey }
  | { readonly verb: 'new-destination'; readonly service: ServiceKey; readonly destination: Destination }
  | { readonly verb: 'set-destination'; readonly service: ServiceKey; readonly destination: Destination }
  | { readonly verb: 'delete-destination'; readonly service: ServiceKey; readonly key: DestinationKey };

export interface IpvsClient {
  /** The kernel's IPVS version and the size of its connection table. */
  info(): Promise<Result<IpvsInfo>>;
  /** Every service with its destinations. A dump that broke off is an error, never a shorter answer. */
  list(): Promise<Result<readonly ObservedService[]>>;
  /**
   * Run changes in order, batched. The kernel has no transactions: a failing change does not stop the ones after it.
   * One result for each change, in the same order; the outer promise never rejects.
   */
  change(changes: readonly IpvsChange[]): Promise<readonly Result<null>[]>;
  close(): void;
}
