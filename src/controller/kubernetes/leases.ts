/** What Leases of ours have in common (coordination.k8s.io/v1). Pure. */

const API = 'coordination.k8s.io/v1';

export const leasesPath = (namespace: string): string => `/apis/${API}/namespaces/${namespace}/leases`;

/** A MicroTime, as the API writes it: six digits after the point. */
export const microTime = (date: Date): string => date.toISOString().replace('Z', '000Z');

/** Without status; `metadata` has at least a name. */
export const leaseObject = (metadata: object, spec: object): object => ({
  apiVersion: API,
  kind: 'Lease',
  metadata,
  spec,
});
