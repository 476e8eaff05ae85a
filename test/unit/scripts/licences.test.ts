/** Which licences pass, and that every dependency has its reason. */
import { describe, expect, it } from 'vitest';
import { findLicenceProblems, findTableProblems, isAllowed, namedPackages } from '../../../scripts/checks/licences.ts';

describe('an SPDX expression', () => {
  const allowed = new Set(['MIT', 'ISC']);

  it.each([
    ['MIT', true],
    ['(MIT)', true],
    ['MIT AND ISC', true],
    ['MIT OR GPL-3.0', true],
    ['(GPL-3.0 OR MIT) AND ISC', true],
    ['GPL-3.0', false],
    ['MIT AND GPL-3.0', false],
    ['GPL-2.0 OR GPL-3.0', false],
    ['(MIT OR ISC) AND GPL-3.0', false],
    ['MIT AND ISC OR GPL-3.0', true],
    ['MIT*', false],
    ['(MIT', false],
    ['MIT)', false],
    ['MIT ISC', false],
    ['MIT AND', false],
    ['GPL-3.0 WITH something', false],
    ['', false],
  ])('%s: %s', (expression, expected) => {
    expect(isAllowed(expression, allowed)).toBe(expected);
  });
});

describe('a package', () => {
  it('that is a tool may have licences that the program must not', () => {
    const licences = ['MPL-2.0'];
    expect(findLicenceProblems([{ name: 'a@1.0.0', licences, isTool: true }])).toEqual([]);
    expect(findLicenceProblems([{ name: 'a@1.0.0', licences, isTool: false }])).toEqual([
      'a@1.0.0: the licence MPL-2.0 is not on the list for part of the program',
    ]);
  });

  it.each([[['GPL-3.0']], [['MIT', 'GPL-3.0']], [[]], [['UNLICENSED']], [['UNKNOWN']]])(
    'with %o is refused',
    (licences) => {
      expect(findLicenceProblems([{ name: 'a@1.0.0', licences, isTool: true }])).toHaveLength(1);
    },
  );
});

describe('the table of reasons', () => {
  const markdown = [
    '| Package | Reason |',
    '| --- | --- |',
    '| `zod` | Schemas. |',
    '| `@a/b` | Something. |',
    '',
    '| Debian package | Reason |',
    '| --- | --- |',
    '| `kmod` | Modules. |',
  ].join('\n');

  it('names packages, not those of Debian', () => {
    expect(namedPackages(markdown)).toEqual(['zod', '@a/b']);
  });

  it('has what package.json has', () => {
    expect(findTableProblems(['@a/b', 'zod'], markdown)).toEqual([]);
    expect(findTableProblems(['zod', 'pino'], markdown)).toEqual([
      'docs/dependencies.md gives no reason for pino',
      'docs/dependencies.md names @a/b, which package.json does not',
    ]);
  });
});
