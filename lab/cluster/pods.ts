/**
 * Back ends of Services: Pods whose status says what a kubelet would say, so that the real EndpointSlice controller writes
 * their slices.
 */
import type { Requests } from './requests.ts';
import { type ApiObject, until } from './until.ts';

export interface PodSpec {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** There must be a Node of this name: the controller leaves out Pods of others. */
  readonly node: string;
  /** One for each family. */
  readonly addresses: readonly string[];
  readonly ready?: boolean;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Named ports that a Service may have as targetPort. */
  readonly ports?: readonly { readonly name: string; readonly containerPort: number; readonly protocol?: string }[];
}

const podPath = (namespace: string, name = ''): string =>
  `/api/v1/namespaces/${namespace}/pods${name === '' ? '' : `/${name}`}`;

/** A Pod that runs, and is ready unless `ready` is false. */
export async function makePod(requests: Requests, spec: PodSpec): Promise<void> {
  const { namespace, name, labels, annotations = {}, node, addresses, ports = [], ready = true } = spec;
  await requests.api('POST', podPath(namespace), {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels, annotations },
    spec: {
      nodeName: node,
      automountServiceAccountToken: false,
      containers: [{ name: 'main', image: 'none', ports }],
    },
  });
  await patchStatus(requests, namespace, name, {
    phase: 'Running',
    podIP: addresses[0],
    podIPs: addresses.map((ip) => ({ ip })),
    conditions: [readyCondition(ready)],
  });
}

export const setPodReady = (requests: Requests, namespace: string, name: string, ready: boolean): Promise<void> =>
  patchStatus(requests, namespace, name, { conditions: [readyCondition(ready)] });

/** It gets a deletionTimestamp and stays, as nobody says that its containers have ended: its endpoint is `terminating`. */
export const terminatePod = (requests: Requests, namespace: string, name: string): Promise<unknown> =>
  requests.api('DELETE', podPath(namespace, name));

/** It goes at once, as when its containers have ended. */
export const removePod = (requests: Requests, namespace: string, name: string): Promise<unknown> =>
  requests.api('DELETE', podPath(namespace, name), {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    gracePeriodSeconds: 0,
  });

export interface EndpointSlice extends ApiObject {
  readonly addressType: 'IPv4' | 'IPv6' | 'FQDN';
  readonly endpoints: readonly Endpoint[] | null;
  readonly ports: readonly { readonly name?: string; readonly protocol?: string; readonly port?: number }[] | null;
}

export interface Endpoint {
  readonly addresses: readonly string[];
  readonly conditions: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
  readonly nodeName?: string;
}

/** Resolves with what `judge` makes of the slices of a Service, as soon as that is not undefined. */
export const awaitSlices = <T>(
  requests: Requests,
  namespace: string,
  service: string,
  judge: (slices: readonly EndpointSlice[]) => T | undefined,
): Promise<T> =>
  until(requests, `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, judge, {
    query: { labelSelector: `kubernetes.io/service-name=${service}` },
  });

const readyCondition = (ready: boolean): object => ({ type: 'Ready', status: ready ? 'True' : 'False' });

async function patchStatus(requests: Requests, namespace: string, name: string, status: object): Promise<void> {
  await requests.api('PATCH', `${podPath(namespace, name)}/status`, { status });
}
