/** Comments that switch a check off. */
import { expect, it } from 'vitest';
import { findSuppressions } from '../../../scripts/checks/suppressions.ts';

it.each([
  '// oxlint-disable-next-line no-console',
  '/* eslint-disable */',
  '// @ts-expect-error it is so',
  '// @ts-ignore',
  '/* v8 ignore next */',
  '// Stryker disable next-line all',
])('%s is found', (comment) => {
  const found = findSuppressions([{ path: 'src/a.ts', text: `const a = 1;\n${comment}\nconst b = 2;` }]);
  expect(found).toMatchObject([{ path: 'src/a.ts', line: 2 }]);
});

it('finds nothing in code without them', () => {
  expect(
    findSuppressions([{ path: 'src/a.ts', text: '// What is disabled stays so.\nconst disable = true;' }]),
  ).toEqual([]);
});
