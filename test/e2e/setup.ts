// Boots the lab and starts the control plane that end-to-end tests share, and bundles the program that they run. A test
// whose agents must see nobody else's objects starts a cluster of its own in the same lab: see lab/cluster/provider.ts.
import type { TestProject } from 'vitest/node';
import type { ControlPlaneEndpoint } from '../../lab/cluster/access.ts';
import { startControlPlane } from '../../lab/cluster/control-plane.ts';
import { applyDeploy } from '../../lab/cluster/deploy.ts';
import { bootLab } from '../../lab/lab.ts';
import { bundle } from '../../scripts/bundle.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    controlPlane: ControlPlaneEndpoint;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const starting = [bootLab(), startControlPlane()] as const;
  const stop = async (): Promise<void> => {
    for (const each of await Promise.allSettled(starting)) if (each.status === 'fulfilled') await each.value.stop();
  };
  try {
    const [lab, controlPlane] = await Promise.all([...starting, bundle()]);
    await Promise.all([applyDeploy(controlPlane), lab.expose(controlPlane.port)]);
    const seconds = (ms: number): string => (ms / 1000).toFixed(1);
    process.stdout.write(`lab: ${lab.description}, up in ${seconds(lab.bootMs)} s\n`);
    process.stdout.write(`control plane: up in ${seconds(controlPlane.startMs)} s\n`);
    project.provide('lab', { endpoint: lab.endpoint, description: lab.description });
    project.provide('controlPlane', controlPlane.endpoint);
    return stop;
  } catch (error) {
    await stop();
    throw error;
  }
}
