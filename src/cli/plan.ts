/**
 * `lvs-director plan`: what `run` would do now, in the words of ipvsadm, nft, ip and sysctl. It does nothing.
 */
import { compile, desiredOf } from '../controller/compile.ts';
import { planNode } from '../controller/node-plan.ts';
import { firstState, type Source } from '../controller/source.ts';
import { observe } from '../controller/observe.ts';
import { objectStatuses } from '../controller/status.ts';
import { type Step, stepKind, stepWords } from '../controller/steps.ts';
import { problemText } from '../crd/problem.ts';
import { EXIT } from './exit.ts';
import type { CommonOptions, OutputFormat, SourceOptions } from './options.ts';
import { openNode } from './node.ts';
import { openSource } from './source.ts';

/** So long an API server may take to tell everything. */
const FIRST_VIEW_MS = 30_000;

export async function planCommand(options: SourceOptions & { output: OutputFormat }): Promise<number> {
  const from = await openSource(options, { remember: false, onNote: () => undefined });
  if (!from.ok) {
    process.stderr.write(`lvs-director: ${from.message}\n`);
    return from.code;
  }
  try {
    return await planFrom(from.source, options);
  } finally {
    await from.cluster?.close();
  }
}

async function planFrom(source: Source, options: CommonOptions & { output: OutputFormat }): Promise<number> {
  const { view, trouble } = await firstState(source, FIRST_VIEW_MS);
  if (view === null) {
    process.stderr.write(`lvs-director: ${trouble ?? 'nothing is known about what is wanted'}\n`);
    return EXIT.failed;
  }
  const opened = await openNode(options.runDirectory);
  if (!opened.ok) {
    process.stderr.write(`lvs-director: ${opened.message}\n`);
    return EXIT.failed;
  }
  const compiled = compile(view.world);
  const look = await observe(opened.node);
  opened.close();
  if (!look.ok) {
    process.stderr.write(`lvs-director: ${look.message}\n`);
    return EXIT.failed;
  }
  const plan = planNode(desiredOf(compiled, view.retained), look.state);
  const settings = look.state.wrongSettings.map(({ setting }): Step => ({
    layer: 'sysctl',
    owner: null,
    service: null,
    removes: false,
    change: setting,
  }));
  const steps = [...settings, ...plan.steps];
  const objects = objectStatuses(compiled, view.problems, { plan, state: look.state, outcomes: [] });
  if (options.output === 'json') {
    const printed = steps.map((step) => ({
      kind: stepKind(step),
      object: step.owner?.name ?? null,
      service: step.service,
      by: step.layer === 'sysctl' ? 'init' : 'run',
      words: stepWords(step),
    }));
    process.stdout.write(`${JSON.stringify({ steps: printed, objects, problems: view.problems }, null, 2)}\n`);
  } else {
    process.stdout.write(planText(steps));
    for (const problem of view.problems) process.stderr.write(`${problemText(problem)}\n`);
    for (const { object, conditions } of objects) {
      for (const found of conditions) {
        const told = found.reason === 'Invalid' || found.reason === 'Pending' || found.reason === 'DuplicateObject';
        if (found.status !== 'True' && !told) process.stderr.write(`${object}: ${found.reason}: ${found.message}\n`);
      }
    }
  }
  return steps.length === 0 ? EXIT.ok : EXIT.pending;
}

/** Steps under the object for which they are done, in the order in which each object's steps run. */
export function planText(steps: readonly Step[]): string {
  if (steps.length === 0) return 'Nothing to do.\n';
  const groups = new Map<string, string[]>();
  for (const step of steps) {
    const title =
      step.layer === 'sysctl'
        ? 'Kernel settings (by `lvs-director init`)'
        : step.owner === null
          ? 'For all'
          : `VirtualService ${step.owner.name}`;
    const lines = groups.get(title) ?? [];
    lines.push(...stepWords(step).split('\n'));
    groups.set(title, lines);
  }
  return [...groups].map(([title, lines]) => `${title}\n${lines.map((line) => `  ${line}\n`).join('')}`).join('\n');
}
