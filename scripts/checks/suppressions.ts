/** No rule of the linter, the compiler or another check is switched off by a comment in src. */
import { readTexts, type FileText } from '../lib/files.ts';

const SUPPRESSION =
  /(?:oxlint|eslint)-disable|@ts-(?:ignore|expect-error|nocheck)|(?:v8|c8|istanbul) ignore|Stryker disable|oxfmt-ignore|prettier-ignore/;

export interface Suppression {
  readonly path: string;
  readonly line: number;
  readonly comment: string;
}

export function findSuppressions(files: readonly FileText[]): Suppression[] {
  return files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index): Suppression[] => {
      const comment = SUPPRESSION.exec(line)?.[0];
      return comment === undefined ? [] : [{ path, line: index + 1, comment }];
    }),
  );
}

if (import.meta.main) {
  const found = findSuppressions(await readTexts('src'));
  for (const { path, line, comment } of found) {
    process.stdout.write(`${path}:${line}: '${comment}' switches a check off; correct what it finds instead\n`);
  }
  if (found.length > 0) process.exitCode = 1;
}
