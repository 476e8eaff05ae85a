/**
 * Every installed dependency has a licence from the list, and every dependency that we name ourselves has its reason in
 * docs/dependencies.md.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { runChild } from '../lib/child.ts';
import { NODE, PROJECT } from '../lib/project.ts';

const ALLOWED: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC-BY-4.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Python-2.0',
  'PSF-2.0',
  'Unlicense',
]);

/** Fine for tools, which are not part of what is handed out. CC-BY-3.0 is the licence of SPDX's own lists of words. */
const ALLOWED_FOR_TOOLS: ReadonlySet<string> = new Set([...ALLOWED, 'CC-BY-3.0', 'MPL-2.0']);

export interface InstalledPackage {
  readonly name: string;
  /** An SPDX expression; several stand for "all of them". */
  readonly licences: readonly string[];
  readonly isTool: boolean;
}

/** Whether an SPDX expression such as `(MIT AND CC-BY-3.0) OR ISC` can be met with allowed licences alone. */
export function isAllowed(expression: string, allowed: ReadonlySet<string>): boolean {
  const tokens = expression.match(/[()]|[^\s()]+/g) ?? [];
  let at = 0;
  const term = (): boolean => {
    const token = tokens[at++];
    if (token !== '(') return token !== undefined && allowed.has(token);
    const inner = anyOf();
    return tokens[at++] === ')' && inner;
  };
  const allOf = (): boolean => {
    let result = term();
    while (tokens[at] === 'AND') {
      at++;
      result = term() && result;
    }
    return result;
  };
  const anyOf = (): boolean => {
    let result = allOf();
    while (tokens[at] === 'OR') {
      at++;
      result = allOf() || result;
    }
    return result;
  };
  const result = anyOf();
  return result && at === tokens.length;
}

export function findLicenceProblems(packages: readonly InstalledPackage[]): string[] {
  return packages.flatMap(({ name, licences, isTool }) => {
    const allowed = isTool ? ALLOWED_FOR_TOOLS : ALLOWED;
    if (licences.length > 0 && licences.every((licence) => isAllowed(licence, allowed))) return [];
    const where = isTool ? 'a tool' : 'part of the program';
    return [`${name}: the licence ${licences.join(', ') || 'nobody knows'} is not on the list for ${where}`];
  });
}

/** The first cells of the tables whose first column is headed `Package`. */
export function namedPackages(markdown: string): string[] {
  const names: string[] = [];
  let inTable = false;
  for (const line of markdown.split('\n')) {
    const first = /^\|\s*([^|]*?)\s*\|/.exec(line)?.[1];
    if (first === undefined) inTable = false;
    else if (first === 'Package') inTable = true;
    else if (inTable && !/^:?-+:?$/.test(first)) names.push(first.replaceAll('`', ''));
  }
  return names;
}

export function findTableProblems(dependencies: readonly string[], markdown: string): string[] {
  const named = new Set(namedPackages(markdown));
  const wanted = new Set(dependencies);
  return [
    ...dependencies
      .filter((name) => !named.has(name))
      .map((name) => `docs/dependencies.md gives no reason for ${name}`),
    ...[...named]
      .filter((name) => !wanted.has(name))
      .map((name) => `docs/dependencies.md names ${name}, which package.json does not`),
  ];
}

const PackageJson = z.object({
  name: z.string(),
  dependencies: z.record(z.string(), z.string()),
  devDependencies: z.record(z.string(), z.string()),
});

const Listing = z.record(z.string(), z.object({ licenses: z.union([z.string(), z.array(z.string())]).default([]) }));

async function listLicences(...flags: string[]): Promise<z.infer<typeof Listing>> {
  const tool = 'node_modules/license-checker-rseidelsohn/bin/license-checker-rseidelsohn.js';
  const { code, output } = await runChild(NODE, [tool, '--json', ...flags], { output: 'keep' });
  if (code !== 0) throw new Error(`the licences could not be listed:\n${output}`);
  return Listing.parse(JSON.parse(output));
}

if (import.meta.main) {
  const [own, reasons, all, program] = await Promise.all([
    readFile(join(PROJECT, 'package.json'), 'utf8').then((text) => PackageJson.parse(JSON.parse(text))),
    readFile(join(PROJECT, 'docs/dependencies.md'), 'utf8'),
    listLicences(),
    listLicences('--production'),
  ]);
  const installed = Object.entries(all)
    .filter(([name]) => !name.startsWith(`${own.name}@`))
    .map(([name, { licenses }]) => ({ name, licences: [licenses].flat(), isTool: !(name in program) }));
  const problems = [
    ...findLicenceProblems(installed),
    ...findTableProblems(Object.keys({ ...own.dependencies, ...own.devDependencies }), reasons),
  ];
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  if (problems.length > 0) process.exitCode = 1;
}
