/**
 * The agent: source of objects, reconciliation loop, monitors and socket put together. All decisions are made elsewhere.
 */
import type { Logger } from 'pino';
import { problemText } from '../crd/problem.ts';
import { nodeIdentity } from '../host/identity.ts';
import { startMonitors } from '../host/monitor.ts';
import { findingText } from '../host/sysctl.ts';
import { openWitness, type WitnessServices } from '../host/witness.ts';
import type { IpvsInfo } from '../ipvs/types.ts';
import { serveReport } from './agent-socket.ts';
import { outcomeText, type StepOutcome } from './apply.ts';
import { compile, type Compiled, desiredOf, NOTHING_COMPILED } from './compile.ts';
import { startLoop } from './loop.ts';
import { VIP_DEVICE } from './node-state.ts';
import type { Node } from './observe.ts';
import { ownedEntries } from './ownership.ts';
import { reconcile, type Reconciled } from './reconcile.ts';
import { repeatFilter } from './repeats.ts';
import { type Report, reportServices } from './report.ts';
import type { ObservedVersions, Source, SourceView } from './source.ts';
import { objectStatuses } from './status.ts';
import { stepKind } from './steps.ts';

export interface AgentOptions {
  readonly source: Source;
  readonly runDirectory: string;
  readonly resyncMs: number;
  readonly node: Node;
  readonly info: IpvsInfo;
  /** Inode of the network namespace. */
  readonly namespace: string;
  readonly log: Logger;
  /** Told after each turn. It must not throw. */
  readonly onTurn?: (turn: Turn) => void;
}

export interface Agent {
  stop(): Promise<void>;
}

/** What the agent knows after a look at its source and at the kernel. */
export interface Turn {
  readonly view: SourceView;
  readonly compiled: Compiled;
  /** Null before the kernel was looked at for the first time. */
  readonly last: Reconciled | null;
  /** The versions that the kernel was told; null for a folder, and before. */
  readonly applied: ObservedVersions | null;
  /** Why the source, or the last look at the kernel, cannot be believed at present, or null. */
  readonly trouble: string | null;
}

/** The same message is printed at most this often. */
const REPEAT_MS = 60_000;

export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { node, log, source } = options;
  const repeats = repeatFilter(REPEAT_MS);
  let compiled: Compiled = NOTHING_COMPILED;
  let last: Reconciled | null = null;
  let inSync = false;
  /** Why the last look at the kernel told nothing. */
  let unseen: string | null = null;
  let viewed: SourceView | null = null;
  let applied: ObservedVersions | null = null;
  /** Texts of the problems, and the counts, that were logged last. */
  let known: ReadonlySet<string> = new Set();
  let told = '';

  const say = (level: 'warn' | 'error', message: string, fields: object = {}): void => {
    const { print, suppressed } = repeats.admit(message, Date.now());
    if (print) log[level](suppressed === 0 ? fields : { ...fields, repeated: suppressed }, message);
  };

  /** True when there is something new to make. */
  const readSource = async (): Promise<boolean> => {
    if (!(await source.refresh())) return false;
    const { view, trouble } = source.state;
    if (trouble !== null) log.warn(trouble);
    if (view === null || trouble !== null || view === viewed) return false;
    viewed = view;
    compiled = compile(view.world);
    const problems = new Set(view.problems.map(problemText));
    for (const problem of view.problems)
      if (!known.has(problemText(problem)))
        log.warn({ reason: problem.reason, object: problem.object }, problemText(problem));
    for (const foreign of view.foreign) log.debug({ foreign }, 'is of another API group and left alone');
    const counts = { objects: view.world.objects.length, services: compiled.services.size, problems: problems.size };
    // A cluster tells of endpoints all the time.
    const isNew = JSON.stringify(counts) !== told || [...problems].some((text) => !known.has(text));
    log[isNew || source.versions === null ? 'info' : 'debug'](counts, `${source.what} read`);
    told = JSON.stringify(counts);
    known = problems;
    return true;
  };

  const logOutcome = (outcome: StepOutcome): void => {
    const { step, failure } = outcome;
    const fields = { object: step.owner?.name ?? null, step: stepKind(step) };
    if (failure === null) log.info(fields, outcomeText(outcome));
    // The step that it waits for says why.
    else if (failure.reason === 'Waiting') log.debug({ ...fields, reason: failure.reason }, outcomeText(outcome));
    else say('error', outcomeText(outcome), { ...fields, reason: failure.reason });
  };

  const work = async (reasons: readonly string[]): Promise<boolean> => {
    const isNew = await readSource();
    const { view } = source.state;
    if (view === null) return true;
    const { versions } = source;
    const good = await makeSo(view, isNew, reasons);
    if (unseen === null) applied = versions;
    options.onTurn?.({ view, compiled, last, applied, trouble: source.state.trouble ?? unseen });
    return good;
  };

  const makeSo = async (view: SourceView, isNew: boolean, reasons: readonly string[]): Promise<boolean> => {
    const result = await reconcile(desiredOf(compiled, view.retained), node, logOutcome);
    if (!result.ok) {
      unseen = `the kernel could not be looked at: ${result.message}`;
      say('error', unseen);
      return false;
    }
    unseen = null;
    last = result.value;
    const { plan, state, outcomes, converged } = result.value;
    if (outcomes.length > 0) log.debug({ reasons, steps: outcomes.length, converged }, 'reconciled');
    for (const key of plan.conflicts)
      say('warn', `${key} is in IPVS already and not ours: left alone`, { reason: 'Conflict' });
    for (const finding of state.wrongSettings)
      say('warn', `${findingText(finding)}. Run \`lvs-director init\`.`, { reason: 'SysctlWrong' });
    // Once for every change, so that somebody who waits for it (a person, a script) sees when it is there.
    if (converged && (isNew || !inSync || outcomes.length > 0))
      log.info({ services: plan.ours.size, steps: outcomes.length }, 'in sync');
    inSync = converged;
    return converged;
  };

  const report = async (): Promise<Report> => {
    const services = await node.ipvs.list();
    if (!services.ok) throw new Error(services.error.message);
    const entries = last === null ? await entriesBefore(options) : witnessEntries(last);
    const { view, trouble } = source.state;
    const problems = view?.problems ?? [];
    return {
      ipvs: options.info,
      services: reportServices(services.value, entries, compiled),
      objects: objectStatuses(compiled, problems, last),
      problems,
      trouble: trouble ?? unseen,
    };
  };

  const loop = startLoop({
    work,
    resyncMs: options.resyncMs,
    onError: (error) => log.error({ err: error }, 'reconciliation failed'),
  });
  const socket = await serveReport({
    runDirectory: options.runDirectory,
    namespace: options.namespace,
    report,
    silence: () => loop.silence(Date.now()),
    onError: (message) => say('warn', message),
  });
  const watch = source.watch(() => loop.request(source.what));
  const monitors = startMonitors({
    device: VIP_DEVICE,
    ownProcesses: () => node.netfilter.ownProcesses(),
    onInterference: (seen) => {
      log.debug(seen, 'somebody changed something');
      loop.request(`${seen.source}: ${seen.what}`);
    },
  });
  await watch.ready;
  loop.request('start');
  return {
    async stop() {
      await watch.stop();
      monitors.stop();
      await loop.stop();
      await socket.stop();
    },
  };
}

/** What is ours before the first reconciliation: what a predecessor left. */
async function entriesBefore({ node, runDirectory }: AgentOptions): Promise<WitnessServices> {
  // Read beside the loop's own, which remembers what it read and wrote last.
  const witness = openWitness(runDirectory, await nodeIdentity());
  const [table, entries] = await Promise.all([node.netfilter.observe(), witness.read()]);
  // When nft refuses, what we know is better than no answer: the report says that the kernel could not be looked at.
  return ownedEntries(table.ok ? (table.value?.elements ?? null) : null, entries);
}

const witnessEntries = ({ plan }: Reconciled): WitnessServices =>
  new Map(
    [...plan.ours].map(([key, { owner, masquerade, silent }]) => [
      key,
      { uid: owner.uid, name: owner.name, masquerade, silent, settled: true },
    ]),
  );
