/**
 * Objects that a cluster has and a control plane alone has not: namespaces to work in, and Nodes.
 */
import { randomBytes } from 'node:crypto';
import type { ControlPlaneAccess } from './access.ts';
import type { Requests } from './requests.ts';
import { type ApiObject, until } from './until.ts';

/** The ServiceAccount `default`, without which no Pod can be made in a namespace. */
export const awaitServiceAccount = (requests: Requests, namespace: string): Promise<ApiObject> =>
  until(requests, `/api/v1/namespaces/${namespace}/serviceaccounts`, (accounts) =>
    accounts.find(({ metadata }) => metadata.name === 'default'),
  );

/** A new namespace with a name of its own, ready for Pods; its name. */
export async function makeNamespace(access: ControlPlaneAccess, prefix = 'test'): Promise<string> {
  const name = `${prefix}-${randomBytes(4).toString('hex')}`;
  await access.api('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  if (access.endpoint.controllers) await awaitServiceAccount(access, name);
  return name;
}

export interface NodeObjectSpec {
  readonly name: string;
  /** Its InternalIP addresses. */
  readonly addresses: readonly string[];
  readonly podCIDRs?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
}

/** The label that makes a node a director. */
export const DIRECTOR_LABEL = { 'lvs-director.io/director': 'true' } as const;

/** A Node as a kubelet and the controllers would have made it. */
export function makeNodeObject(requests: Requests, spec: NodeObjectSpec): Promise<ApiObject> {
  const { name, addresses, podCIDRs = [], labels = {} } = spec;
  return requests.api('POST', '/api/v1/nodes', {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', ...labels } },
    spec: podCIDRs.length === 0 ? {} : { podCIDR: podCIDRs[0], podCIDRs },
    status: {
      addresses: [
        ...addresses.map((address) => ({ type: 'InternalIP', address })),
        { type: 'Hostname', address: name },
      ],
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }],
    },
  });
}
