/** What compilation needs to know of an EndpointSlice. */
import type { AddressFamily, Protocol } from '../ipvs/types.ts';

export interface Endpoint {
  /** Canonical. Of several addresses of an endpoint only the first counts (discovery.k8s.io/v1, EndpointSlice). */
  readonly address: string;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
}

export interface EndpointSlice {
  readonly name: string;
  readonly family: AddressFamily;
  /** Label endpointslice.kubernetes.io/managed-by. */
  readonly managedBy: string | null;
  /** A port number of null means every port. */
  readonly ports: readonly { readonly name: string; readonly protocol: Protocol; readonly port: number | null }[];
  readonly endpoints: readonly Endpoint[];
}
