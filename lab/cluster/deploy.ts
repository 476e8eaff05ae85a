/**
 * What deploy/ has for a cluster before agents come: the kinds, the namespace and the rights.
 */
import { join } from 'node:path';
import type { ControlPlaneAccess } from './access.ts';
import { AGENT_NAMESPACE } from './agent.ts';

const DEPLOY = join(import.meta.dirname, '..', '..', 'deploy');

/** Resolves when objects of all kinds can be made. */
export async function applyDeploy(access: ControlPlaneAccess): Promise<void> {
  await access.kubectl(['apply', '--kustomize', join(DEPLOY, 'crds')]);
  await access.kubectl(['apply', '--filename', join(DEPLOY, 'namespace.yaml')]);
  await access.kubectl(['apply', '--namespace', AGENT_NAMESPACE, '--filename', join(DEPLOY, 'rbac.yaml')]);
  await access.kubectl(['wait', 'crds', '--all', '--for=condition=Established', '--timeout=30s']);
}
