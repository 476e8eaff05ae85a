/** Which folder may import what. A breach is a line of output and exit code 1. */
import { posix } from 'node:path';
import { readTexts, type FileText } from '../lib/files.ts';
import { findImports } from './imports.ts';

export interface BoundaryProblem {
  readonly path: string;
  readonly line: number;
  readonly why: string;
}

/** An import as the rules see it: `src/net/address.ts` for a file, the bare name for a package. */
interface Edge {
  readonly path: string;
  readonly line: number;
  readonly target: string;
  readonly isFile: boolean;
}

const within = (path: string, ...folders: string[]): boolean => folders.some((folder) => path.startsWith(`${folder}/`));

const isPackage = (edge: Edge, ...names: string[]): boolean =>
  !edge.isFile && names.some((name) => edge.target === name || edge.target.startsWith(`${name}/`));

const isKernelSide = (edge: Edge): boolean => edge.isFile && within(edge.target, 'src/netlink', 'src/ipvs', 'src/host');

const isObjectSide = (edge: Edge): boolean =>
  (edge.isFile && within(edge.target, 'src/crd')) || isPackage(edge, '@kubernetes');

type Rule = (edge: Edge) => string | null;

const RULES: readonly Rule[] = [
  (edge) =>
    within(edge.path, 'src/net') && edge.isFile && !within(edge.target, 'src/net')
      ? 'src/net imports nothing from the project'
      : null,
  (edge) => {
    if (!within(edge.path, 'src/netlink', 'src/ipvs', 'src/host')) return null;
    const forbidden =
      (edge.isFile && within(edge.target, 'src/crd', 'src/controller', 'src/cli', 'src/health')) ||
      isPackage(edge, '@kubernetes');
    return forbidden ? 'the kernel side knows nothing of objects, the controller, the command line and health' : null;
  },
  (edge) => {
    if (!within(edge.path, 'src/crd')) return null;
    const forbidden =
      (edge.isFile && within(edge.target, 'src/ipvs', 'src/netlink', 'src/host', 'src/controller', 'src/cli')) ||
      isPackage(edge, 'netlink', 'node:child_process', 'child_process');
    return forbidden ? 'src/crd knows nothing of the kernel, the controller and the command line' : null;
  },
  (edge) =>
    edge.isFile && within(edge.target, 'src/cli') && !within(edge.path, 'src/cli')
      ? 'only bin and src/cli import the command line'
      : null,
  (edge) =>
    edge.isFile && within(edge.target, 'lab', 'test', 'bench', 'scripts')
      ? 'src imports nothing from lab, test, bench and scripts'
      : null,
];

/** Only these join the kernel's side with the objects' side. */
const JOINS = ['src/controller', 'src/cli'];

function edgesOf({ path, text }: FileText): { edges: Edge[]; problems: BoundaryProblem[] } {
  const edges: Edge[] = [];
  const problems: BoundaryProblem[] = [];
  for (const { line, specifier } of findImports(text)) {
    if (specifier === null) {
      problems.push({ path, line, why: 'what is imported is computed, so no rule can be checked' });
      continue;
    }
    const isFile = specifier.startsWith('.');
    edges.push({ path, line, isFile, target: isFile ? posix.join(posix.dirname(path), specifier) : specifier });
  }
  return { edges, problems };
}

/** A folder of src, or the file itself when it lies in src. */
const unitOf = (path: string): string => path.split('/').slice(0, 2).join('/');

function findJoins(edges: readonly Edge[]): BoundaryProblem[] {
  const elsewhere = edges.filter(
    (edge) => !within(edge.path, ...JOINS, 'src/crd', 'src/netlink', 'src/ipvs', 'src/host'),
  );
  return elsewhere.filter(isObjectSide).flatMap(({ path, line }): BoundaryProblem[] => {
    const kernel = elsewhere.find((edge) => unitOf(edge.path) === unitOf(path) && isKernelSide(edge));
    if (kernel === undefined) return [];
    const why = `only src/controller and src/cli import objects and the kernel: ${kernel.path}:${kernel.line} imports the kernel`;
    return [{ path, line, why }];
  });
}

/** Every breach in files of src; paths are relative to the project and have slashes. */
export function findBoundaryProblems(files: readonly FileText[]): BoundaryProblem[] {
  const found = files.filter(({ path }) => within(path, 'src')).map(edgesOf);
  const edges = found.flatMap((file) => file.edges);
  const breaches = edges.flatMap((edge) =>
    RULES.flatMap((rule): BoundaryProblem[] => {
      const why = rule(edge);
      return why === null ? [] : [{ path: edge.path, line: edge.line, why: `${why}: ${edge.target}` }];
    }),
  );
  return [...found.flatMap((file) => file.problems), ...breaches, ...findJoins(edges)];
}

if (import.meta.main) {
  const problems = findBoundaryProblems(await readTexts('src'));
  for (const { path, line, why } of problems) process.stdout.write(`${path}:${line}: ${why}\n`);
  if (problems.length > 0) process.exitCode = 1;
}
