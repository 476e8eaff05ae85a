/**
 * Kubeconfig files. JSON is YAML, and clients read both.
 */
import type { Server } from './requests.ts';

/** For the host under which the API server is reached: 127.0.0.1, or 10.0.2.2 from within the lab. */
export const kubeconfigText = (server: Server, host: string): string =>
  `${JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: 'lab',
          cluster: {
            server: `https://${host}:${server.port}`,
            'certificate-authority-data': Buffer.from(server.ca).toString('base64'),
          },
        },
      ],
      users: [{ name: 'lab', user: { token: server.token } }],
      contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'lab' } }],
      'current-context': 'lab',
    },
    null,
    2,
  )}\n`;
