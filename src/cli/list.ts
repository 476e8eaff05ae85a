/**
 * `lvs-director list`: the IPVS table as `ipvsadm -Ln` shows it, with the objects behind it and their conditions.
 */
import { askAgent } from '../controller/agent-socket.ts';
import { observe } from '../controller/observe.ts';
import { ownedEntries } from '../controller/ownership.ts';
import { type Report, type ReportedService, reportServices } from '../controller/report.ts';
import type { ObjectStatus } from '../controller/status.ts';
import { problemText } from '../crd/problem.ts';
import { nodeIdentity } from '../host/identity.ts';
import { EXIT } from './exit.ts';
import type { OutputFormat } from './options.ts';
import { openNode } from './node.ts';

export async function listCommand(options: { runDirectory: string; output: OutputFormat }): Promise<number> {
  const { networkNamespace } = await nodeIdentity();
  const answer = await askAgent(options.runDirectory, networkNamespace);
  if (answer.status === 'failed') process.stderr.write(`lvs-director: the agent does not answer: ${answer.message}\n`);
  const report = answer.status === 'answered' ? answer.report : await reportWithoutAgent(options.runDirectory);
  if (typeof report === 'string') {
    process.stderr.write(`lvs-director: ${report}\n`);
    return EXIT.failed;
  }
  process.stdout.write(options.output === 'json' ? `${JSON.stringify(report, null, 2)}\n` : listText(report));
  return EXIT.ok;
}

/** What the kernel and the two witnesses tell when no agent runs. */
async function reportWithoutAgent(runDirectory: string): Promise<Report | string> {
  const opened = await openNode(runDirectory);
  if (!opened.ok) return opened.message;
  const look = await observe(opened.node);
  opened.close();
  if (!look.ok) return look.message;
  const { services, table, witness } = look.state;
  return {
    ipvs: opened.info,
    services: reportServices(services, ownedEntries(table?.elements ?? null, witness), null),
    objects: null,
    problems: [],
    trouble: null,
  };
}

const FORWARDING: Readonly<Record<string, string>> = {
  NAT: 'Masq',
  LocalNode: 'Local',
  Tunnel: 'Tunnel',
  DirectRouting: 'Route',
  Bypass: 'Bypass',
};

/** The whole answer for people. */
export function listText(report: Report): string {
  const lines = [
    `IP Virtual Server version ${report.ipvs.version} (size=${report.ipvs.connectionTableSize})`,
    'Prot LocalAddress:Port Scheduler                             Object',
    '  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn  RealServer',
    ...report.services.flatMap(serviceLines),
  ];
  if (report.objects === null)
    lines.push('', 'No agent runs on this node, so the conditions of objects are not known.');
  else if (report.objects.length > 0) lines.push('', ...conditionLines(report.objects));
  const unnamed = report.problems.filter((problem) => problem.object === null).map(problemText);
  if (unnamed.length > 0) lines.push('', ...unnamed);
  if (report.trouble !== null) lines.push('', report.trouble);
  return `${lines.join('\n')}\n`;
}

function serviceLines(service: ReportedService): string[] {
  const [protocol = '', endpoint = ''] = service.service.startsWith('mark/')
    ? ['FWM', service.service.slice('mark/'.length)]
    : service.service.split('/');
  const head = `${protocol.padEnd(4)} ${endpoint} ${service.scheduler}`;
  return [
    `${head.padEnd(59)} ${service.object ?? '(not ours)'}`,
    ...service.destinations.map((destination) => {
      const columns = [
        `  -> ${destination.destination.padEnd(28)}`,
        (FORWARDING[destination.forwarding] ?? destination.forwarding).padEnd(7),
        String(destination.weight).padEnd(6),
        String(destination.activeConnections).padEnd(10),
        String(destination.inactiveConnections).padEnd(10),
        destination.realServer ?? '',
      ];
      return columns.join(' ').trimEnd();
    }),
  ];
}

function conditionLines(objects: readonly ObjectStatus[]): string[] {
  const width = Math.max(...objects.map((status) => status.object.length));
  return objects.flatMap(({ object, conditions }) => {
    const summary = conditions.map(({ type, status }) => `${type}=${status}`).join(' ');
    const told = conditions.filter(({ status }) => status !== 'True');
    return [`${object.padEnd(width)}  ${summary}`, ...told.map(({ reason, message }) => `  ${reason}: ${message}`)];
  });
}
