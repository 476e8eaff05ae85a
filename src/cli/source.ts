/** Opens the source of objects that the command line names, or says what is wrong with it. */
import { openFolderMemory } from '../controller/folder/memory.ts';
import { folderSource } from '../controller/folder/source.ts';
import type { Cluster } from '../controller/kubernetes/cluster.ts';
import type { Source } from '../controller/source.ts';
import { EXIT } from './exit.ts';
import type { SourceOptions } from './options.ts';

export type OpenedSource =
  | {
      readonly ok: true;
      readonly source: Source;
      /** Null for a folder. */
      readonly cluster: Cluster | null;
      /** As the command line said it. */
      readonly words: string;
    }
  | { readonly ok: false; readonly code: number; readonly message: string };

export interface OpenSettings {
  /** Whether what is accepted is remembered for the next start. */
  readonly remember: boolean;
  /** For the log. */
  readonly onNote: (message: string) => void;
}

export async function openSource(options: SourceOptions, settings: OpenSettings): Promise<OpenedSource> {
  const { directory, kubeconfig, nodeName } = options;
  if (directory !== undefined) {
    const memory = openFolderMemory(options.stateDirectory, directory);
    const kept = settings.remember ? memory : { load: () => memory.load(), save: () => Promise.resolve() };
    return { ok: true, source: folderSource(directory, kept), cluster: null, words: `--directory ${directory}` };
  }
  const isPod = (process.env['KUBERNETES_SERVICE_HOST'] ?? '') !== '';
  if (kubeconfig === undefined && !isPod) {
    return usage('say where objects come from: --directory FOLDER, or --kubeconfig FILE (in a Pod neither is needed)');
  }
  if (nodeName === undefined) return usage('with an API server, --node-name must name the Node whose director this is');
  // Loaded here: a folder needs nothing of it.
  const { openCluster } = await import('../controller/kubernetes/cluster.ts');
  const opened = await openCluster({
    credentials: kubeconfig === undefined ? { kind: 'in-cluster' } : { kind: 'kubeconfig', path: kubeconfig },
    nodeName,
    namespace: options.namespace,
    stateDirectory: options.stateDirectory,
    settings: {
      allowAddresses: options.allowAddresses,
      allowDestinations: options.allowDestinations,
      podCidrs: options.podCidrs.ranges,
      serviceCidrs: options.serviceCidrs.ranges,
    },
    ...settings,
  });
  if (!opened.ok) return { ok: false, code: EXIT.failed, message: opened.message };
  const { cluster } = opened;
  const words = kubeconfig === undefined ? 'in a Pod' : `--kubeconfig ${kubeconfig}`;
  return { ok: true, source: cluster.source, cluster, words };
}

const usage = (message: string): OpenedSource => ({ ok: false, code: EXIT.usage, message });
