/**
 * What one can do with a control plane that runs, whoever started it: kubectl, requests, kubeconfigs, tokens.
 */
import type { Finished } from '../process.ts';
import { kubeconfigText } from './kubeconfig.ts';
import { type Kubectl, makeKubectl } from './kubectl.ts';
import { makeRequests, type Requests, type Server } from './requests.ts';

/** All that another process needs to use it; plain data. */
export interface ControlPlaneEndpoint extends Server {
  readonly caFile: string;
  readonly adminKubeconfig: string;
  /** The program kubectl. */
  readonly kubectlProgram: string;
  /** Whether kube-controller-manager runs: EndpointSlices are made from Services, namespaces get ServiceAccounts. */
  readonly controllers: boolean;
}

export interface ControlPlaneAccess extends Kubectl, Requests {
  readonly endpoint: ControlPlaneEndpoint;
  readonly port: number;
  readonly caFile: string;
  /** Path of a kubeconfig of the administrator, for this machine. */
  readonly adminKubeconfig: string;
  /** Text of a kubeconfig: of the administrator unless a token says otherwise, for 127.0.0.1 unless a host is given. */
  kubeconfig(user?: { readonly token: string }, host?: string): string;
  /** A token of a ServiceAccount, bound to it and good for a day. */
  token(serviceAccount: string, namespace: string): Promise<string>;
  /** `kubectl apply` of a text; rejects when it is refused. */
  apply(manifest: string): Promise<Finished>;
}

const TOKEN_SECONDS = 24 * 60 * 60;

export function attachControlPlane(endpoint: ControlPlaneEndpoint): ControlPlaneAccess {
  const requests = makeRequests(endpoint);
  const kubectl = makeKubectl(endpoint.kubectlProgram, endpoint.adminKubeconfig);
  return {
    ...requests,
    ...kubectl,
    endpoint,
    port: endpoint.port,
    caFile: endpoint.caFile,
    adminKubeconfig: endpoint.adminKubeconfig,
    kubeconfig: (user, host = '127.0.0.1') =>
      kubeconfigText({ ...endpoint, token: user?.token ?? endpoint.token }, host),
    async token(serviceAccount, namespace) {
      const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}/token`;
      const request = {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { expirationSeconds: TOKEN_SECONDS },
      };
      const { status } = await requests.api<{ status: { token: string } }>('POST', path, request);
      return status.token;
    },
    apply: (manifest) => kubectl.kubectl(['apply', '--filename', '-'], { input: manifest }),
  };
}
