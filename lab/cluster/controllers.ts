/**
 * kube-controller-manager, where there is one. It comes and goes with the API server: after an outage it would wait up to
 * half a minute before it looks again.
 */
import { join } from 'node:path';
import { type Child, startChild } from './child.ts';

export interface Controllers {
  start(): Promise<void>;
  stop(): Promise<void>;
  lastLines(): string;
}

export interface ControllersOptions {
  /** Null: there is none, and nothing is done. */
  readonly program: string | null;
  readonly folder: string;
  readonly kubeconfig: string;
  readonly serviceAccountKey: string;
}

/** Those that work on objects alone. The ones about nodes would take Nodes without a kubelet for dead. */
const CONTROLLERS = [
  // Without it the roles view, edit and admin are empty.
  'clusterrole-aggregation-controller',
  'endpointslice-controller',
  'endpointslice-mirroring-controller',
  'garbage-collector-controller',
  'namespace-controller',
  'serviceaccount-controller',
  'serviceaccount-token-controller',
];

/** Does not start them yet. */
export function makeControllers({ program, folder, kubeconfig, serviceAccountKey }: ControllersOptions): Controllers {
  let child: Child | null = null;
  const flags = {
    kubeconfig,
    controllers: CONTROLLERS.join(','),
    'leader-elect': false,
    'service-account-private-key-file': serviceAccountKey,
    // It serves nothing that is needed.
    'secure-port': 0,
    'kube-api-qps': 500,
    'kube-api-burst': 1000,
  };
  return {
    async start() {
      if (program === null) return;
      child = await startChild(program, flags, join(folder, 'kube-controller-manager.log'));
    },
    async stop() {
      const stopping = child;
      child = null;
      await stopping?.kill();
    },
    lastLines: () => child?.lastLines() ?? '',
  };
}
