// Boots the lab that all kernel tests share, and bundles the program that they run in it.
import type { TestProject } from 'vitest/node';
import { bootLab } from '../../lab/lab.ts';
import type { LabEndpoint } from '../../lab/process.ts';
import { bundle } from '../../scripts/bundle.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    lab: { readonly endpoint: LabEndpoint; readonly description: string };
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [lab] = await Promise.all([bootLab(), bundle()]);
  process.stdout.write(`lab: ${lab.description}, up in ${(lab.bootMs / 1000).toFixed(1)} s\n`);
  project.provide('lab', { endpoint: lab.endpoint, description: lab.description });
  return () => lab.stop();
}
