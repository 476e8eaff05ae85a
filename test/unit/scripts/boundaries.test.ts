/** Each rule about imports, broken once; and the ways in which an import can be written. */
import { describe, expect, it } from 'vitest';
import { findBoundaryProblems } from '../../../scripts/checks/boundaries.ts';

const problems = (path: string, ...lines: string[]): string[] =>
  findBoundaryProblems([{ path, text: lines.join('\n') }]).map(
    (problem) => `${problem.path}:${problem.line}: ${problem.why}`,
  );

const kernelSide = 'the kernel side knows nothing of objects, the controller, the command line and health';
const objects = 'src/crd knows nothing of the kernel, the controller and the command line';

describe('a breach', () => {
  it.each([
    ['src/net/a.ts', '../ipvs/types.ts', 'src/net imports nothing from the project: src/ipvs/types.ts'],
    ['src/net/a.ts', '../../package.json', 'src/net imports nothing from the project: package.json'],
    ['src/netlink/a.ts', '../crd/parse.ts', `${kernelSide}: src/crd/parse.ts`],
    ['src/ipvs/a.ts', '../controller/loop.ts', `${kernelSide}: src/controller/loop.ts`],
    ['src/host/deep/a.ts', '../../health/probe.ts', `${kernelSide}: src/health/probe.ts`],
    ['src/host/a.ts', '@kubernetes/client-node', `${kernelSide}: @kubernetes/client-node`],
    ['src/crd/a.ts', '../ipvs/types.ts', `${objects}: src/ipvs/types.ts`],
    ['src/crd/a.ts', '../netlink/result.ts', `${objects}: src/netlink/result.ts`],
    ['src/crd/a.ts', '../host/files.ts', `${objects}: src/host/files.ts`],
    ['src/crd/a.ts', '../controller/loop.ts', `${objects}: src/controller/loop.ts`],
    ['src/crd/a.ts', 'netlink', `${objects}: netlink`],
    ['src/crd/a.ts', 'netlink/raw', `${objects}: netlink/raw`],
    ['src/crd/a.ts', 'node:child_process', `${objects}: node:child_process`],
    ['src/controller/a.ts', '../cli/exit.ts', 'only bin and src/cli import the command line: src/cli/exit.ts'],
    [
      'src/controller/a.ts',
      '../../lab/frames.ts',
      'src imports nothing from lab, test, bench and scripts: lab/frames.ts',
    ],
    ['src/cli/a.ts', '../../test/x.ts', 'src imports nothing from lab, test, bench and scripts: test/x.ts'],
    ['src/cli/a.ts', '../../bench/x.ts', 'src imports nothing from lab, test, bench and scripts: bench/x.ts'],
    ['src/a.ts', '../scripts/x.ts', 'src imports nothing from lab, test, bench and scripts: scripts/x.ts'],
  ])('in %s: %s', (path, specifier, why) => {
    expect(problems(path, '', `import { x } from '${specifier}';`)).toEqual([`${path}:2: ${why}`]);
  });

  it.each(['src/ipvs', 'src/host', 'src/netlink', 'src/crd'])('is found when %s imports the command line', (folder) => {
    expect(problems(`${folder}/a.ts`, "import '../cli/exit.ts';")).toHaveLength(2);
  });

  it('is a folder that joins objects and kernel, in whichever of its files', () => {
    const files = [
      { path: 'src/health/probe.ts', text: "import { a } from '../crd/parse.ts';" },
      { path: 'src/health/write.ts', text: "\nimport { b } from '../ipvs/types.ts';" },
    ];
    const why =
      'only src/controller and src/cli import objects and the kernel: src/health/write.ts:2 imports the kernel';
    expect(findBoundaryProblems(files)).toEqual([{ path: 'src/health/probe.ts', line: 1, why }]);
  });
});

describe('no breach', () => {
  it.each([
    ['src/net/a.ts', './address.ts'],
    ['src/net/a.ts', 'node:net'],
    ['src/ipvs/a.ts', '../netlink/result.ts'],
    ['src/ipvs/a.ts', 'netlink'],
    ['src/host/a.ts', 'node:child_process'],
    ['src/crd/a.ts', '../net/address.ts'],
    ['src/crd/a.ts', 'netlink-other'],
    ['src/cli/a.ts', './exit.ts'],
    ['src/cli/a.ts', '../../package.json'],
    ['src/health/a.ts', '../net/address.ts'],
    ['test/a.ts', '../lab/frames.ts'],
  ])('in %s: %s', (path, specifier) => {
    expect(problems(path, `import { x } from '${specifier}';`)).toEqual([]);
  });

  it.each(['src/controller', 'src/cli'])('is a join in %s', (folder) => {
    expect(problems(`${folder}/a.ts`, "import '../crd/parse.ts';", "import '../host/files.ts';")).toEqual([]);
  });
});

describe('an import', () => {
  const breach = (...lines: string[]): string[] =>
    problems('src/net/a.ts', ...lines).map((text) => text.split(':')[1] ?? '');

  it.each([
    ['for its effect', "import '../crd/a.ts';"],
    ['of a type', "import type { A } from '../crd/a.ts';"],
    ['of everything', "import * as a from '../crd/a.ts';"],
    ['of a default', 'import a, { type B } from "../crd/a.ts";'],
    ['that is exported at once', "export { a } from '../crd/a.ts';"],
    ['of all that is exported at once', "export * from '../crd/a.ts';"],
    ['while it runs', "const a = await import('../crd/a.ts');"],
    ['with attributes', "const a = await import('../crd/a.json', { with: { type: 'json' } });"],
    ['in a template', 'const a = await import(`../crd/a.ts`);'],
    ['as a type in place', "type A = import('../crd/a.ts').A;"],
    ['by require', "const a = require('../crd/a.ts');"],
    ['after a regular expression with quotes', "const q = /['\"`]/; import '../crd/a.ts';"],
    ['after a pattern that looks like a comment', "const glob = 'src/*'; import '../crd/a.ts'; const end = '*/';"],
    ['inside of a template', "const text = `${(await import('../crd/a.ts')).a({ b: '}' })} rest`;"],
    ['after a template', "const text = `${a}/*`; import '../crd/a.ts'; /* */"],
  ])('is found %s', (_, line) => {
    expect(breach('', line)).toEqual(['2']);
  });

  it('is found over several lines, at its first', () => {
    expect(breach('', 'import {', '  a,', "} from '../crd/a.ts';")).toEqual(['2']);
  });

  it('that is computed is a problem of its own', () => {
    expect(problems('src/net/a.ts', 'await import(path);', 'await import(`../${name}.ts`);')).toEqual([
      'src/net/a.ts:1: what is imported is computed, so no rule can be checked',
      'src/net/a.ts:2: what is imported is computed, so no rule can be checked',
    ]);
  });

  it.each([
    ['a comment', "// import '../crd/a.ts';"],
    ['a long comment', "/* import a from '../crd/a.ts'; */"],
    ['a text', 'const a = "import \'../crd/a.ts\'";'],
    ['a template', "const a = `import '../crd/a.ts'`;"],
    ['a declaration that is exported', "export const from = '../crd/a.ts';"],
    ['its own data', 'const a = import.meta.dirname;'],
  ])('is not found in %s', (_, line) => {
    expect(breach(line)).toEqual([]);
  });
});
