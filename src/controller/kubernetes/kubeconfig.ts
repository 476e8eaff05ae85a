/**
 * Reads where the API server is and how to log in, from a kubeconfig file or from what a Pod is given. Done by the
 * official client's KubeConfig, which is loaded only here: it takes half a second, and most commands have no cluster.
 */
import { spawn, type SpawnOptions } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { dirname, resolve } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import type { Cluster, User } from '@kubernetes/client-node/dist/config_types.js';
import { parse } from 'yaml';
import { isErrno } from '../../host/files.ts';
import { isRecord, messageOf } from './values.ts';

export type CredentialsSource =
  | { readonly kind: 'in-cluster' }
  | { readonly kind: 'kubeconfig'; readonly path: string };

export interface LoadedConfig {
  /** Changes when the login does; files that it names are not part of it. */
  readonly fingerprint: string;
  readonly server: URL;
  /** A login with a memory of its own, for example a plugin whose answer is good for an hour. */
  readonly remembers: boolean;
  /** Where the token comes from, if from a file. */
  readonly tokenFile: string | null;
  /** Headers and TLS material, read anew. Rejects with what cannot be read. */
  apply(): Promise<RequestOptions>;
}

export interface LoadSettings {
  /** Put before the paths of the service account. */
  readonly root: string;
  /** A plugin that takes longer is killed. */
  readonly pluginMs: number;
}

/** Rejects with a message for people. */
export async function loadConfig(source: CredentialsSource, { root, pluginMs }: LoadSettings): Promise<LoadedConfig> {
  const config = await newKubeConfig(pluginMs);
  if (source.kind === 'in-cluster') {
    if ((process.env['KUBERNETES_SERVICE_HOST'] ?? '') === '') {
      throw new Error('this is no Pod of a cluster (KUBERNETES_SERVICE_HOST is not set): name a kubeconfig file');
    }
    config.loadFromCluster(root);
    return loaded('the service account', '', config, null);
  }
  const path = resolve(source.path);
  const what = `kubeconfig ${path}`;
  const text = await readText(path, what);
  let tree: unknown;
  try {
    tree = parse(text);
    config.loadFromString(JSON.stringify(tree));
    config.makePathsAbsolute(dirname(path));
  } catch (error) {
    throw new Error(`${what} is not understood: ${messageOf(error)}`, { cause: error });
  }
  const tokenFile = tokenFileOf(tree, config);
  return loaded(what, text, config, tokenFile === null ? null : resolve(dirname(path), tokenFile));
}

/** A KubeConfig whose plugins cannot hang for ever. */
async function newKubeConfig(pluginMs: number): Promise<KubeConfig> {
  const [configModule, execModule] = await Promise.all([
    import('@kubernetes/client-node/dist/config.js'),
    import('@kubernetes/client-node/dist/exec_auth.js'),
  ]);
  const config = new configModule.KubeConfig();
  for (const authenticator of config['authenticators'] as unknown[]) {
    if (!(authenticator instanceof execModule.ExecAuth)) continue;
    authenticator['execFn'] = (command: string, args: readonly string[] | undefined, options: SpawnOptions) =>
      spawn(command, args ?? [], { ...options, timeout: pluginMs, killSignal: 'SIGKILL' });
  }
  return config;
}

async function readText(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const message = isErrno(error, 'ENOENT') ? `${what} does not exist` : `${what} cannot be read: ${messageOf(error)}`;
    throw new Error(message, { cause: error });
  }
}

/** The client reads `token-file`; what kubectl and client-go know is `tokenFile`. */
function tokenFileOf(tree: unknown, config: KubeConfig): string | null {
  const name = config.getCurrentUser()?.name;
  const users = isRecord(tree) && Array.isArray(tree['users']) ? (tree['users'] as unknown[]) : [];
  const user = users.filter(isRecord).find((candidate) => candidate['name'] === name)?.['user'];
  const file = isRecord(user) ? user['tokenFile'] : undefined;
  return typeof file === 'string' && file !== '' ? file : null;
}

function loaded(what: string, text: string, config: KubeConfig, tokenFile: string | null): LoadedConfig {
  const { cluster, user } = current(what, config);
  const server = serverOf(what, cluster);
  const providedFile = fileOfProvider(user.authProvider);
  return {
    fingerprint: text,
    server,
    remembers: isRecord(user.exec) || (isRecord(user.authProvider) && providedFile === null),
    tokenFile: tokenFile ?? providedFile,
    async apply() {
      const options: RequestOptions = {};
      try {
        await config.applyToHTTPSOptions(options);
      } catch (error) {
        const message = messageOf(error).trim();
        // A plugin that was killed has often said nothing.
        throw new Error(message === '' ? 'the login plugin failed without a word' : message, { cause: error });
      }
      // Of no use: one for each read, without limits.
      delete options.agent;
      const headers = { ...(options.headers as Record<string, string> | undefined) };
      if (tokenFile !== null) headers['Authorization'] = `Bearer ${await readFile(tokenFile, 'utf8')}`;
      return { ...options, headers };
    },
  };
}

function current(what: string, config: KubeConfig): { cluster: Cluster; user: User } {
  const name: unknown = config.getCurrentContext();
  if (typeof name !== 'string' || name === '') {
    throw new Error(`${what} has no current-context: choose one with "kubectl config use-context"`);
  }
  if (!config.getContextObject(name)) throw new Error(`${what} has no context "${name}", which is its current-context`);
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new Error(`${what}: the cluster of context "${name}" is missing`);
  const user = config.getCurrentUser();
  if (!user) throw new Error(`${what}: the user of context "${name}" is missing`);
  return { cluster, user };
}

function serverOf(what: string, cluster: Cluster): URL {
  if (typeof cluster.proxyUrl === 'string' && cluster.proxyUrl !== '') {
    throw new Error(`${what}: the cluster has a proxy-url, and proxies are not supported`);
  }
  const server = URL.canParse(cluster.server) ? new URL(cluster.server) : null;
  if (server === null) throw new Error(`${what}: the API server "${cluster.server}" is not a URL`);
  if (server.protocol !== 'https:') {
    throw new Error(`${what}: the API server ${cluster.server} is not https, which would show the token to everybody`);
  }
  return server;
}

function fileOfProvider(provider: unknown): string | null {
  const file = isRecord(provider) && isRecord(provider['config']) ? provider['config']['tokenFile'] : undefined;
  return typeof file === 'string' ? file : null;
}
