/**
 * Where the programs of the control plane lie: in the folder that `KUBEBUILDER_ASSETS` names, or in the cache, where
 * `lab/cluster/install.sh` built them.
 */
import { createHash } from 'node:crypto';
import { accessSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE } from '../cache.ts';

export interface Programs {
  readonly etcd: string;
  readonly apiServer: string;
  readonly kubectl: string;
  /** Null where there is none: no EndpointSlices are made from Services then, and namespaces get no ServiceAccounts. */
  readonly controllerManager: string | null;
}

const SOURCE = join(import.meta.dirname, 'kubernetes');
/** What decides about the built program, in the order in which `lab/cluster/install.sh` adds it up. */
const KEY_FILES = ['main.go', 'go.mod', 'go.sum', 'flags'] as const;

/** Rejects with the command to run when the programs are not there. */
export function findPrograms(): Programs {
  const given = process.env['KUBEBUILDER_ASSETS'] ?? '';
  const folder = given === '' ? builtFolder() : given;
  const program = (name: string): string => join(folder, name);
  const required = ['etcd', 'kube-apiserver', 'kubectl'].map(program);
  const missing = required.find((file) => !isProgram(file));
  if (missing !== undefined) throw new Error(`there is no program ${missing}; run: lab/cluster/install.sh`);
  const controllerManager = program('kube-controller-manager');
  return {
    etcd: program('etcd'),
    apiServer: program('kube-apiserver'),
    kubectl: program('kubectl'),
    controllerManager: isProgram(controllerManager) ? controllerManager : null,
  };
}

function builtFolder(): string {
  const hash = createHash('sha256');
  for (const name of KEY_FILES) hash.update(readFileSync(join(SOURCE, name)));
  return join(CACHE, `kubernetes-${hash.digest('hex').slice(0, 16)}`);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
